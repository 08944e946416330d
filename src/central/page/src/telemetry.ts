// A device's telemetry: what was, by the query API, and what comes, by the event stream.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, id, post } from './api';
import { listen, type Link, type LiveEvent } from './live';
import { keyOf, pathOf, type Capability } from './model';

export type Points = [number, number][];
export type Row = Record<string, unknown>;

const MAX_TEXT = 350; // of a query
const MAX_ITEMS = 13; // of a query's 15, beside $ts and $id
const POLL_MS = 2000;

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

/** Rows in order of time; a column is called as its name. */
export async function rowsOf(wanted: Ask): Promise<Row[]> {
    const aggregate = wanted.aggregate ?? 'AVG';
    const bucketed = wanted.bucketMs !== undefined;
    const device = wanted.deviceId === undefined ? '' : ` AND $id = ${quote(wanted.deviceId)}`;
    const tail =
        ` FROM ${wanted.template} WHERE WITHIN_WINDOW(${isoDuration(wanted.windowMs)})${device}` +
        (bucketed ? ` GROUP BY WINDOW(${isoDuration(wanted.bucketMs ?? 0)})` : '') +
        (bucketed ? '' : ' ORDER BY $ts DESC');
    const items = wanted.names.map((name, i) => (bucketed ? `${aggregate}(${name}) AS v${i}` : `${name} AS v${i}`));
    const parts = chunks(items, MAX_TEXT - tail.length - 'SELECT $ts, '.length);
    const rows: Row[] = [];
    for (const part of parts) rows.push(...(await query(`SELECT ${bucketed ? '' : '$ts, '}${part.join(', ')}${tail}`)));
    for (const row of rows)
        for (const [i, name] of wanted.names.entries()) {
            if (row[`v${i}`] !== undefined) row[name] = row[`v${i}`];
            delete row[`v${i}`];
        }
    return rows.sort((a, b) => Date.parse(String(a['$ts'])) - Date.parse(String(b['$ts'])));
}

export function pointsOf(rows: Row[], name: string): Points {
    return rows.flatMap((row): Points => {
        const value = row[name];
        const number = typeof value === 'boolean' ? Number(value) : value;
        return typeof number === 'number' ? [[Date.parse(String(row['$ts'])), number]] : [];
    });
}

/** The window in about so many buckets; undefined where single messages are few enough. */
export const bucketOf = (windowMs: number): number | undefined =>
    windowMs <= 3600e3 ? undefined : Math.max(60e3, Math.round(windowMs / 200 / 60e3) * 60e3);

// --- live ---

/** Every telemetry value of an event: key, value, time. */
export function valuesOf(event: LiveEvent): [key: string, value: unknown, at: number][] {
    const values = event.body['telemetry'];
    if (typeof values !== 'object' || values === null || Array.isArray(values)) return [];
    const component = event.component ?? '';
    return Object.entries(values).map(([name, value]) => [keyOf({ component, name }), value, event.time]);
}

export interface Live {
    series: Map<string, Points>;
    last: Map<string, { value: unknown; at: number }>;
    link: Link;
    now: number;
    historyError: Error | undefined;
}

interface Store {
    series: Map<string, Points>;
    last: Live['last'];
    changed: boolean;
}

function note(store: Store, key: string, value: unknown, at: number): void {
    const before = store.last.get(key);
    if (before === undefined || before.at <= at) store.last.set(key, { value, at });
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number !== 'number') {
        store.changed = true;
        return;
    }
    const points = store.series.get(key) ?? [];
    const end = points.at(-1);
    if (end !== undefined && end[0] >= at) return; // late, or known already
    points.push([at, number]);
    store.series.set(key, points);
    store.changed = true;
}

async function poll(store: Store, deviceId: string, telemetry: Capability[]): Promise<void> {
    for (const one of telemetry) {
        try {
            const { timestamp, value } = await get<{ timestamp: string; value: unknown }>(
                `/devices/${id(deviceId)}${pathOf(one, `/telemetry/${id(one.name)}`)}`,
            );
            note(store, keyOf(one), value, Date.parse(timestamp));
        } catch (error) {
            if (!(error instanceof ApiError) || error.status !== 404) return; // 404: never sent
        }
    }
}

/** The telemetry of a device over the last windowMs, growing as it comes. */
export function useLive(deviceId: string, template: string | undefined, telemetry: Capability[], windowMs: number): Live {
    const store = useRef<Store>({ series: new Map(), last: new Map(), changed: false });
    const [link, setLink] = useState<Link>('connecting');
    const [now, setNow] = useState(Date.now());
    const [historyError, setHistoryError] = useState<Error>();
    const names = telemetry.map(keyOf).join();

    useEffect(() => {
        const own: Store = { series: new Map(), last: new Map(), changed: true };
        store.current = own;
        if (telemetry.length === 0) return undefined;
        const early: LiveEvent[] = [];
        let ready = false;
        const take = (event: LiveEvent): void => {
            if (event.deviceId === deviceId) valuesOf(event).forEach(([key, value, at]) => note(own, key, value, at));
        };
        const end = listen({ deviceId, types: 'telemetry' }, (event) => (ready ? take(event) : early.push(event)), setLink);
        const past = async (): Promise<void> => {
            try {
                if (template === undefined) return;
                const bucketMs = bucketOf(windowMs);
                const ask: Ask = { template, names: telemetry.map(keyOf), windowMs, deviceId };
                if (bucketMs !== undefined) ask.bucketMs = bucketMs;
                const rows = await rowsOf(ask);
                for (const one of telemetry)
                    for (const row of rows)
                        if (row[keyOf(one)] !== undefined) note(own, keyOf(one), row[keyOf(one)], Date.parse(String(row['$ts'])));
                setHistoryError(undefined);
            } catch (error) {
                setHistoryError(error as Error);
            }
        };
        void past()
            .then(() => poll(own, deviceId, telemetry)) // the newest values, whatever their age
            .then(() => {
                ready = true;
                early.splice(0).forEach(take);
            });
        return end;
    }, [deviceId, template, names, windowMs]);

    useEffect(() => {
        const draw = setInterval(() => {
            if (document.hidden) return;
            setNow(Date.now());
        }, 1000);
        return () => clearInterval(draw);
    }, []);
    useEffect(() => {
        if (link !== 'missing') return undefined;
        const timer = setInterval(() => document.hidden || void poll(store.current, deviceId, telemetry), POLL_MS);
        return () => clearInterval(timer);
    }, [link, deviceId, names]);

    return { series: store.current.series, last: store.current.last, link, now, historyError };
}
