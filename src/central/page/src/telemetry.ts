// A device's telemetry: what was, by the query API, and what comes, by the event stream.
import { useEffect, useRef, useState } from 'preact/hooks';
import { follow, get, id, post, type Page, type Query } from './api';
import { listen, newest, timeOf, type Link, type LiveEvent } from './live';
import { isNumeric, keyOf, pathOf, type Capability } from './model';

export type Points = [number, number][];
export type Row = Record<string, unknown>;

const MAX_TEXT = 350; // of a query
const MAX_ITEMS = 13; // of a query's 15, beside $ts and $id

export const query = async (text: string): Promise<Row[]> => (await post<{ results: Row[] }>('/query', { query: text })).results;
const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** As many names as fit into a query of this head and tail. */
function chunks(names: string[], room: number): string[][] {
    const found: string[][] = [];
    let used = 0;
    for (const name of names) {
        const last = found.at(-1);
        if (last === undefined || used + name.length + 2 > room || last.length >= MAX_ITEMS) {
            found.push([name]);
            used = name.length;
        } else {
            last.push(name);
            used += name.length + 2;
        }
    }
    return found;
}

/** ISO 8601 duration of whole seconds. */
export function isoDuration(ms: number): string {
    const seconds = Math.round(ms / 1000);
    if (seconds % 86400 === 0) return `P${seconds / 86400}D`;
    if (seconds % 3600 === 0) return `PT${seconds / 3600}H`;
    return seconds % 60 === 0 ? `PT${seconds / 60}M` : `PT${seconds}S`;
}

export interface Ask {
    template: string;
    names: string[]; // "name" or "component.name"
    windowMs: number;
    bucketMs?: number;
    aggregate?: string; // AVG unless given
    deviceId?: string;
}

const column = (i: number): string => `v${i}_`; // no telemetry is called so: names of DTDL do not end with '_'

/** Rows in order of time; a column is called as its name. */
export async function rowsOf(wanted: Ask): Promise<Row[]> {
    const aggregate = wanted.aggregate ?? 'AVG';
    const bucketed = wanted.bucketMs !== undefined;
    const device = wanted.deviceId === undefined ? '' : ` AND $id = ${quote(wanted.deviceId)}`;
    const tail =
        ` FROM ${wanted.template} WHERE WITHIN_WINDOW(${isoDuration(wanted.windowMs)})${device}` +
        (bucketed ? ` GROUP BY WINDOW(${isoDuration(wanted.bucketMs ?? 0)})` : '') +
        (bucketed ? '' : ' ORDER BY $ts DESC');
    const items = wanted.names.map((name, i) => `${bucketed ? `${aggregate}(${name})` : name} AS ${column(i)}`);
    const parts = chunks(items, MAX_TEXT - tail.length - 'SELECT $ts, '.length);
    const rows: Row[] = [];
    for (const part of parts) rows.push(...(await query(`SELECT ${bucketed ? '' : '$ts, '}${part.join(', ')}${tail}`)));
    for (const row of rows)
        for (const [i, name] of wanted.names.entries()) {
            if (row[column(i)] !== undefined) row[name] = row[column(i)];
            delete row[column(i)];
        }
    return rows.sort((a, b) => Date.parse(String(a['$ts'])) - Date.parse(String(b['$ts'])));
}

/** The same as one text to keep; `devices`: these alone, unless there are none. */
export function textOf({ template, names, windowMs, bucketMs = 0, aggregate = 'AVG' }: Ask, devices: string[], split: boolean): string {
    const of = devices.length === 0 ? '' : devices.length === 1 ? ` AND $id = ${quote(devices[0] ?? '')}` : ` AND $id IN [${devices.map(quote).join(', ')}]`;
    const items = names.map((name) => `${aggregate}(${name})`).join(', ');
    return `SELECT ${split ? '$id, ' : ''}${items} FROM ${template} WHERE WITHIN_WINDOW(${isoDuration(windowMs)})${of} GROUP BY WINDOW(${isoDuration(bucketMs)})${split ? ', $id' : ''}`;
}

export function pointsOf(rows: Row[], name: string): Points {
    return rows.flatMap((row): Points => {
        const value = row[name];
        const number = typeof value === 'boolean' ? Number(value) : value;
        return typeof number === 'number' ? [[Date.parse(String(row['$ts'])), number]] : [];
    });
}

export interface Bucket {
    timestamp: string;
    count: number;
    min?: number;
    max?: number;
    avg?: number;
    last?: unknown;
}

/** What a telemetry of a device was over a time. Not a query: those are few a second where limits hold. */
export async function historyOf(deviceId: string, one: Capability, windowMs: number, buckets: number): Promise<{ from: string; bucketMs: number; value: Bucket[] }> {
    const path = `/devices/${id(deviceId)}${pathOf(one, `/telemetry/${id(one.name)}/history`)}`;
    const from = new Date(Date.now() - windowMs).toISOString();
    return get(path, { from, buckets: String(buckets) });
}

export const bucketsOf = async (...asked: Parameters<typeof historyOf>): Promise<Bucket[]> => (await historyOf(...asked)).value;

/** avg, min, max, sum or count of a bucket; undefined where it has no numbers. */
export function aggregateOf(bucket: Bucket, aggregate: string): number | undefined {
    if (aggregate === 'count') return bucket.count;
    if (aggregate === 'min') return bucket.min;
    if (aggregate === 'max') return bucket.max;
    return aggregate === 'sum' ? (bucket.avg === undefined ? undefined : bucket.avg * bucket.count) : bucket.avg;
}

export const pointsIn = (buckets: Bucket[], aggregate: string): Points =>
    buckets.flatMap((bucket): Points => {
        const value = aggregateOf(bucket, aggregate);
        return value === undefined ? [] : [[Date.parse(bucket.timestamp), value]];
    });

const MESSAGES_MS = 3600e3; // longer windows are drawn by averages
const BUCKETS = 200;
const MOST_DRAWN = 24;

// --- live ---

const PAGES = 8; // of 1,000 events, for the past that is drawn message by message

/** Every telemetry value of an event: key, value, time. A body may be several readings, the oldest first. */
export function valuesOf(event: LiveEvent): [key: string, value: unknown, at: number][] {
    const component = event.component ?? '';
    const readings = Array.isArray(event.body) ? (event.body as unknown[]) : [event.body];
    return readings.flatMap((reading) =>
        typeof reading !== 'object' || reading === null
            ? []
            : Object.entries(reading).map(([name, value]): [string, unknown, number] => [keyOf({ component, name }), value, timeOf(event)]),
    );
}

export interface Live {
    series: Map<string, Points>;
    last: Map<string, { value: unknown; at: number }>;
    link: Link;
    now: number;
    error: Error | undefined;
    loaded: boolean;
}

interface Store {
    series: Live['series'];
    last: Live['last'];
    loaded: boolean;
}

function note(store: Store, key: string, value: unknown, at: number): void {
    const before = store.last.get(key);
    if (before === undefined || before.at <= at) store.last.set(key, { value, at });
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number !== 'number') return;
    const points = store.series.get(key) ?? [];
    const end = points.at(-1);
    if (end !== undefined && end[0] >= at) return; // late, or known already
    points.push([at, number]);
    store.series.set(key, points);
}

/** The newest telemetry events, oldest first. */
async function recent(query: Query): Promise<LiveEvent[]> {
    let page = await get<Page<LiveEvent>>('/events', { ...query, maxpagesize: '1000' });
    const events = [...page.value];
    for (let more = PAGES; page.nextLink !== undefined && more > 1; more--) {
        page = await follow<LiveEvent>(page.nextLink);
        events.push(...page.value);
    }
    return events.reverse();
}

/** In a window of many messages: averages of the past, then what comes. */
async function past(store: Store, wanted: { deviceId: string; telemetry: Capability[]; windowMs: number }): Promise<void> {
    const { deviceId, telemetry, windowMs } = wanted;
    const take = (event: LiveEvent): void => valuesOf(event).forEach(([key, value, at]) => note(store, key, value, at));
    if (windowMs > MESSAGES_MS) {
        const drawn = telemetry.filter((one) => isNumeric(one.schema)).slice(0, MOST_DRAWN);
        const found = await Promise.all(drawn.map((one) => bucketsOf(deviceId, one, windowMs, BUCKETS)));
        for (const [i, one] of drawn.entries()) for (const [at, value] of pointsIn(found[i] ?? [], 'avg')) note(store, keyOf(one), value, at);
        (await get<Page<LiveEvent>>('/events', { deviceId, kind: 'telemetry', maxpagesize: '50' })).value.reverse().forEach(take);
        return;
    }
    const from = new Date(Date.now() - windowMs).toISOString();
    const events = await recent({ deviceId, kind: 'telemetry', from });
    if (events.length === 0) events.push(...(await get<Page<LiveEvent>>('/events', { deviceId, kind: 'telemetry', maxpagesize: '50' })).value.reverse());
    events.forEach(take);
}

/** The telemetry of a device over the last windowMs, growing as it comes. */
export function useLive(deviceId: string, telemetry: Capability[], windowMs: number): Live {
    const store = useRef<Store>({ series: new Map(), last: new Map(), loaded: false });
    const [link, setLink] = useState<Link>('connecting');
    const [now, setNow] = useState(Date.now());
    const [error, setError] = useState<Error>();
    const names = telemetry.map(keyOf).join();

    useEffect(() => {
        const own: Store = { series: new Map(), last: new Map(), loaded: false };
        store.current = own;
        let end = (): void => undefined;
        let gone = false;
        const begin = async (): Promise<void> => {
            const after = await newest();
            await past(own, { deviceId, telemetry, windowMs });
            own.loaded = true;
            if (gone) return;
            setNow(Date.now());
            const take = (event: LiveEvent): void => valuesOf(event).forEach(([key, value, at]) => note(own, key, value, at));
            end = listen({ deviceId, kind: 'telemetry' }, after, take, setLink);
        };
        begin().then(() => setError(undefined), setError);
        return () => ((gone = true), end());
    }, [deviceId, names, windowMs]);

    useEffect(() => {
        const draw = setInterval(() => document.hidden || setNow(Date.now()), 1000);
        return () => clearInterval(draw);
    }, []);
    return { series: store.current.series, last: store.current.last, loaded: store.current.loaded, link, now, error };
}
