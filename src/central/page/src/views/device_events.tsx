// What came from the device and what happened to it, newest first and as it comes.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, type Device, type Page as ListPage } from '../api';
import { dayTime, when } from '../format';
import { listen, type LiveEvent } from '../live';
import { Badge, Card, Empty, Problem, type Children, type Tone } from '../ui';

const KEPT = 150;
const RAW = 'telemetry,properties';
const HISTORY = 'deviceConnectivity,deviceLifecycle,commands,fileUploads,devicePropertyDesiredChange,cloudPropertyChange';

export function EventsTab({ device, kind }: { device: Device; kind: 'raw' | 'history' }): JSX.Element {
    const [events, setEvents] = useState<LiveEvent[]>([]);
    const [error, setError] = useState<Error>();
    const [paused, setPaused] = useState(false);
    const query = { deviceId: device.id, kind: kind === 'raw' ? RAW : HISTORY };
    useEffect(() => {
        if (paused) return undefined;
        let waiting: LiveEvent[] = [];
        let end = (): void => undefined;
        let gone = false;
        get<ListPage<LiveEvent>>('/events', { ...query, maxpagesize: String(KEPT) }).then((page) => {
            if (gone) return;
            setEvents(page.value);
            end = listen(query, page.value[0]?.position ?? 0, (event) => waiting.push(event), () => undefined);
        }, setError);
        const flush = setInterval(() => {
            if (waiting.length === 0) return;
            const fresh = waiting.reverse();
            waiting = [];
            setEvents((old) => [...fresh, ...old].slice(0, KEPT));
        }, 250);
        return () => ((gone = true), clearInterval(flush), end());
    }, [device.id, kind, paused]);
    if (error !== undefined) return <Problem error={error} />;
    return (
        <Card
            title={kind === 'raw' ? 'Messages and property changes' : 'What happened to this device'}
            actions={
                <button class="small" aria-pressed={paused} onClick={() => setPaused(!paused)}>
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
                    {events.map((event) => (
                        <EventRow key={event.position} event={event} />
                    ))}
                </ol>
            )}
        </Card>
    );
}

const TONES: Record<string, Tone> = {
    connected: 'good', disconnected: 'dim', provisioned: 'good', enabled: 'good', disabled: 'bad', deleted: 'bad', registered: 'info',
    commandRun: 'info', commandAnswered: 'good', telemetry: 'info', fileUploaded: 'good', fileUploadFailed: 'bad',
};

function EventRow({ event }: { event: LiveEvent }): JSX.Element {
    const said = saidOf(event);
    const shown = event.text ?? (event.body === undefined ? undefined : JSON.stringify(shorten(event)));
    return (
        <li>
            <time title={when(event.enqueuedTime)} dateTime={event.enqueuedTime}>
                {dayTime(event.enqueuedTime)}
            </time>
            <span class="event-type">
                <Badge tone={TONES[event.type] ?? 'dim'}>{words(event.type)}</Badge>
                {event.component !== undefined && <span class="dim"> {event.component}</span>}
            </span>
            {said !== undefined ? <span class="said">{said}</span> : shown !== undefined && <code>{shown}</code>}
        </li>
    );
}

/** Of a property change, what has changed. */
function shorten({ source, body }: LiveEvent): unknown {
    return source === 'properties' && typeof body === 'object' && body !== null && 'properties' in body ? body.properties : body;
}

const text = (value: unknown): string => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value));

/** What happened, in words where there are some; undefined: the body says it. */
function saidOf({ type, body }: LiveEvent): Children | undefined {
    const of = (typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {}) as Record<string, unknown>;
    switch (type) {
        case 'connected':
            return 'The device came.';
        case 'disconnected':
            return (
                <>
                    {of['reason'] === undefined ? 'The device went.' : text(of['reason'])} {of['code'] !== undefined && <span class="dim">({text(of['code'])})</span>}
                </>
            );
        case 'registered':
            return 'It is known to the service from here on.';
        case 'provisioned':
            return 'It has finished provisioning, and was given its hub.';
        case 'enabled':
            return 'It may connect.';
        case 'disabled':
            return 'It may not connect.';
        case 'displayNameChanged':
            return 'It has another name.';
        case 'deviceTemplateChanged':
            return 'It has another template than before.';
        case 'commandRun':
        case 'commandAnswered': {
            const content = type === 'commandRun' ? of['request'] : of['response'];
            return (
                <>
                    <b>{text(of['name'])}</b>
                    {type === 'commandAnswered' && <> answered {text(of['responseCode'] ?? of['errorCode'])}</>} {content !== undefined && <code>{text(content)}</code>}
                </>
            );
        }
        default:
            return undefined;
    }
}

const WORDS: Record<string, string> = {
    devicePropertyReportedChange: 'Reported',
    devicePropertyDesiredChange: 'Desired',
    cloudPropertyChange: 'Cloud property',
    displayNameChanged: 'Renamed',
    deviceTemplateChanged: 'Template changed',
    commandRun: 'Command sent',
    commandAnswered: 'Command answered',
    fileUploaded: 'File uploaded',
    fileUploadFailed: 'Upload failed',
};

const words = (type: string): string => WORDS[type] ?? type.charAt(0).toUpperCase() + type.slice(1);
