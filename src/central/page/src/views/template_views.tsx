// The views that every device of a template has: made from it, when it is published.
import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import { all, id, type Device } from '../api';
import { schemaName, partsOf, type Capability, type Part, type Template } from '../model';
import { Card, Facts, Loaded, Online, StateBadge, useResource } from '../ui';

const VIEWS: [kind: Capability['kind'], title: string, tab: string, text: string][] = [
    ['Telemetry', 'Overview', 'overview', 'The newest value of each telemetry, and its chart over time.'],
    ['Property', 'About', 'about', 'What the device says of itself, and what people keep about it.'],
    ['Command', 'Commands', 'commands', 'A form for each command, and what was answered.'],
];

const named = (part: Part, one: Capability): string => (part.name === '' ? one.displayName : `${part.displayName}: ${one.displayName}`);

function says(one: Capability): string {
    if (one.kind === 'Command') return one.request === undefined ? 'takes nothing' : `takes ${one.request.displayName}`;
    return [schemaName(one.schema), one.unit, one.cloud ? 'cloud' : one.writable ? 'writable' : ''].filter((text) => text !== '').join(' · ');
}

export function Views({ of }: { of: Template }): JSX.Element {
    const parts = useMemo(() => partsOf(of), [of]);
    const devices = useResource(() => all<Device>('/devices', { filter: `template eq '${of['@id']}'` }, 100), [of['@id']]);
    const first = devices.data?.[0];
    return (
        <>
            <div class="columns">
                {VIEWS.map(([kind, title, tab, text]) => {
                    const items = parts.flatMap((part) => part.capabilities.filter((one) => one.kind === kind).map((one): [string, JSX.Element] => [named(part, one), <span class="dim">{says(one)}</span>]));
                    return (
                        <Card title={title} actions={first !== undefined && <a href={`#/devices/${id(first.id)}/${tab}`}>As on {first.displayName ?? first.id}</a>}>
                            <p class="dim">{text}</p>
                            {items.length === 0 ? <p class="dim">The template has none.</p> : <Facts items={items} />}
                        </Card>
                    );
                })}
                <Card title="Devices">
                    <Loaded of={devices} lines={2}>
                        {(list) =>
                            list.length === 0 ? (
                                <p class="dim">None has it yet. A device gets it when it announces the model; “Simulate a device” makes one that the service plays itself.</p>
                            ) : (
                                <ul class="relations">
                                    {list.slice(0, 10).map((one) => (
                                        <li>
                                            <a href={`#/devices/${id(one.id)}`}>{one.displayName ?? one.id}</a>
                                            <StateBadge device={one} />
                                            <Online device={one} />
                                        </li>
                                    ))}
                                    {list.length > 10 && <li class="dim">and {list.length === 100 ? 'more' : list.length - 10}</li>}
                                </ul>
                            )
                        }
                    </Loaded>
                </Card>
            </div>
        </>
    );
}
