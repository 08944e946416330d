// What a device is: its properties, and the newest of each telemetry, to read and not to change.
import type { JSX } from 'preact';
import type { Device } from '../api';
import { show } from '../format';
import { templateName, type Capability, type Part, type Template } from '../model';
import { Card, Facts, Loaded, StateBadge } from '../ui';
import { level, useProperties } from './device_properties';

function text(of: Capability, value: unknown): string {
    if (of.schema.kind === 'enum') return of.schema.values.find((one) => one.value === value)?.label ?? show(value);
    return show(value, of.unit);
}

export function About({ device, parts, template }: { device: Device; parts: Part[]; template: Template | undefined }): JSX.Element {
    const values = useProperties(device.id);
    const described = parts.filter((part) => part.capabilities.some((one) => one.kind === 'Property'));
    return (
        <div class="columns">
            <Card title="Device">
                <Facts
                    items={[
                        ['Id', <code>{device.id}</code>],
                        ['Name', device.displayName ?? '–'],
                        ['State', <StateBadge device={device} />],
                        ['Template', template === undefined ? (device.template ?? 'None') : templateName(template)],
                        ['Organizations', device.organizations?.join(', ') || '–'],
                    ]}
                />
            </Card>
            <Loaded of={values} lines={4}>
                {(all) =>
                    described.map((part) => (
                        <Card title={part.name === '' ? 'Properties' : part.displayName}>
                            <Facts items={part.capabilities.filter((one) => one.kind === 'Property').map((one) => [one.displayName, text(one, level(all, part.name)[one.name])])} />
                        </Card>
                    ))
                }
            </Loaded>
        </div>
    );
}
