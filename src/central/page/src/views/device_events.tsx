// What came from the device and what happened to it, newest first and as it comes.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Device } from '../api';
import { timeOf, when } from '../format';
import { listen, type Link, type LiveEvent } from '../live';
import { Badge, Card, Empty, type Tone } from '../ui';

const KEPT = 300;
const RAW = 'telemetry,properties';
const HISTORY = 'connectivity,lifecycle,command';

export function EventsTab({ device, kind }: { device: Device; kind: 'raw' | 'history' }): JSX.Element {
    const [events, setEvents] = useState<LiveEvent[]>([]);
    const [link, setLink] = useState<Link>('connecting');
    const [paused, setPaused] = useState(false);
    useEffect(() => {
        if (paused) return undefined;
        let waiting: LiveEvent[] = [];
        const end = listen({ deviceId: device.id, types: kind === 'raw' ? RAW : HISTORY, last: '200' }, (event) => waiting.push(event), setLink);
        const flush = setInterval(() => {
            if (waiting.length === 0) return;
            const fresh = waiting.reverse();
            waiting = [];
            setEvents((old) => [...fresh, ...old].slice(0, KEPT));
        }, 250);
        return () => (clearInterval(flush), end());
    }, [device.id, kind, paused]);
    if (link === 'missing') return <Empty title="This service does not stream events" />;
    return (
        <Card
            title={kind === 'raw' ? 'Messages and property changes' : 'What happened to this device'}
            actions={
                <button class="small" aria-pressed={paused} onClick={() => (setPaused(!paused), paused && setEvents([]))}>
                    {paused ? 'Go on' : 'Pause'}
                </button>
            }
        >
            {events.length === 0 ? (
                <Empty title={kind === 'raw' ? 'Nothing received yet' : 'Nothing has happened yet'}>
                    <p>{kind === 'raw' ? 'Messages appear here as the device sends them.' : 'Connections, provisioning, commands and changes by people appear here.'}</p>
                </Empty>
            ) : (
                <ol class="events">
                    {events.map((event, i) => (
                        <EventRow key={event.position ?? `x${events.length - i}`} event={event} />
                    ))}
                </ol>
            )}
        </Card>
    );
}

const TONES: Record<string, Tone> = {
    connected: 'good', disconnected: 'dim', provisioned: 'good', enabled: 'good', disabled: 'bad', deleted: 'bad', registered: 'info',
};
const HIDDEN = new Set(['applicationId', 'messageSource', 'messageType', 'deviceId', 'schema', 'templateId', 'enqueuedTime', 'enrichments', 'position', 'time', 'type']);

function EventRow({ event }: { event: LiveEvent }): JSX.Element {
    const rest = Object.fromEntries(Object.entries(event.body).filter(([name]) => !HIDDEN.has(name)));
    const body = event.body['telemetry'] ?? event.body['properties'] ?? (Object.keys(rest).length > 0 ? rest : undefined);
    return (
        <li>
            <time title={when(new Date(event.time).toISOString())}>{timeOf(event.time)}</time>
            <span class="event-type">
                <Badge tone={TONES[event.type] ?? 'dim'}>{words(event.type)}</Badge>
                {event.component !== undefined && event.component !== '' && <span class="dim"> {event.component}</span>}
            </span>
            {body !== undefined && <code>{JSON.stringify(body)}</code>}
        </li>
    );
}

/** "devicePropertyReportedChange": "Property reported" */
export function words(type: string): string {
    const known: Record<string, string> = {
        devicePropertyReportedChange: 'Reported',
        devicePropertyDesiredChange: 'Desired',
        cloudPropertyChange: 'Cloud property',
        displayNameChanged: 'Renamed',
        deviceTemplateChanged: 'Template changed',
    };
    const text = known[type] ?? type.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
    return text.charAt(0).toUpperCase() + text.slice(1);
}
