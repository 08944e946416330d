// How a device gets here.
import type { JSX } from 'preact';
import type { Device } from '../api';
import { Card, Code } from '../ui';

export function Snippet({ device }: { device: Device }): JSX.Element {
    return (
        <Card title="Try it">
            <Code label="commands" text={device.id} />
        </Card>
    );
}
