// Which view an address means.
import type { JSX } from 'preact';
import { Empty, Page } from '../ui';
import { DeviceView } from './device';
import { DevicesView } from './devices';

export function viewOf(place: string[]): JSX.Element {
    const [area, name, tab] = place;
    switch (area) {
        case 'devices':
            return name === undefined || name === '' ? <DevicesView /> : <DeviceView key={name} deviceId={name} tab={tab ?? 'overview'} />;
        default:
            return (
                <Page title="Nothing here">
                    <Empty title="There is no such page.">
                        <a href="#/devices">To the devices</a>
                    </Empty>
                </Page>
            );
    }
}
