// Who changed what, by REST: of the application, or of one device.
import type { JSX } from 'preact';
import { get, id, type Page as ListPage } from '../api';
import { dayTime, when } from '../format';
import type { LiveEvent } from '../live';
import { Badge, Empty, Loaded, Table, useInterval, useResource, type Tone } from '../ui';

interface Change {
    actor?: { id?: string; type?: string };
    resource?: { id?: string; type?: string; displayName?: string };
    updated?: { properties?: string[] };
}

const TONES: Record<string, Tone> = { created: 'good', updated: 'info', deleted: 'bad' };
const SHOWN = 200;
const KINDS: Record<string, [text: string, place?: string]> = {
    device: ['Device', 'devices'], deviceTemplate: ['Template', 'templates'], deviceGroup: ['Device group', 'groups'], job: ['Job', 'jobs'], scheduledJob: ['Scheduled job'],
    enrollmentGroup: ['Enrolment group', 'access/enrolment'], dashboard: ['Dashboard', 'dashboards'], query: ['Saved query', 'analytics'], apiToken: ['API token'], user: ['User'],
    role: ['Role'], organization: ['Organization'], fileUpload: ['File upload'],
};

const changeOf = ({ body }: LiveEvent): Change => (typeof body === 'object' && body !== null ? (body as Change) : {});
const actorName = ({ actor }: Change): string => (actor?.id === 'bootstrap' ? 'Start-up\u00a0token' : (actor?.id ?? actor?.type ?? '–'));

/** quiet: nothing where there is nothing to say, or where one may not see it. */
export function Audit({ deviceId, quiet }: { deviceId?: string; quiet?: boolean }): JSX.Element | null {
    const list = useResource(() => get<ListPage<LiveEvent>>('/events', { kind: 'audit', maxpagesize: deviceId === undefined ? String(SHOWN) : '1000' }), [deviceId]);
    useInterval(list.reload, list.error === undefined ? 15000 : null);
    const of = (event: LiveEvent): boolean => deviceId === undefined || (changeOf(event).resource?.type === 'device' && changeOf(event).resource?.id === deviceId);
    const events = (list.data?.value ?? []).filter(of).slice(0, SHOWN);
    if (quiet === true && events.length === 0) return null;
    return (
        <Loaded of={list} lines={3}>
            {() =>
                events.length === 0 ? (
                    <Empty title="Nothing has been changed yet">Who changes something, and what, is listed here.</Empty>
                ) : (
                    <>
                        {quiet === true && <h2 class="part">Who changed it</h2>}
                        <Table
                        label="Who changed what"
                        rows={events}
                        keyOf={(event) => String(event.position)}
                        columns={[
                            { name: 'When', class: 'main nowrap', cell: (event) => <time dateTime={event.enqueuedTime} title={when(event.enqueuedTime)}>{dayTime(event.enqueuedTime)}</time> },
                            { name: 'Who', cell: (event) => actorName(changeOf(event)) },
                            { name: 'Did', cell: (event) => <Badge tone={TONES[event.type] ?? 'dim'}>{event.type.charAt(0).toUpperCase() + event.type.slice(1)}</Badge> },
                            ...(deviceId === undefined ? [{ name: 'To', cell: (event: LiveEvent) => <Resource of={changeOf(event)} gone={event.type === 'deleted'} /> }] : []),
                            { name: 'What', class: 'long', cell: (event) => <span class="dim">{changeOf(event).updated?.properties?.join(', ') ?? ''}</span> },
                        ]}
                        />
                    </>
                )
            }
        </Loaded>
    );
}

function Resource({ of, gone }: { of: Change; gone: boolean }): JSX.Element {
    const { id: own = '', type = '', displayName } = of.resource ?? {};
    const [text, place] = KINDS[type] ?? [type];
    return (
        <span>
            {place !== undefined && !gone ? <a href={`#/${place}/${id(own)}`}>{displayName ?? own}</a> : (displayName ?? own)} <span class="dim sub">{text}</span>
        </span>
    );
}
