// What a dashboard's tiles show.
import { createContext, type JSX } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { all, ApiError, get, getKept, id, type Device, type Page as ListPage } from '../api';
import { Chart, COLOURS, type Series } from '../chart';
import { ago, dayTime, quantity, show, when } from '../format';
import { listen, type LiveEvent } from '../live';
import { capabilitiesOf, isBoolean, isNumeric, keyOf, pathOf, wholeRange, type Capability, type Json, type Template } from '../model';
import { aggregateOf, bucketsOf, pointsIn, valuesOf, type Points } from '../telemetry';
import { Badge, Facts, Loaded, useInterval, useResource, type Children, type Resource } from '../ui';
import type { Tile, TileConfiguration } from './tile_grid';
import { CommandCard } from './device_commands';
import { groupDevices } from './groups';
import { QueryTile } from './saved_queries';
import { HeatTile } from './tile_heat';

const SECONDS: Record<string, number> = { S: 1, M: 60, H: 3600, D: 86400, W: 604800 };
const AGAIN_MS = 15000; // for what no event tells

/** PT30M, P1D: ms. Months and years do not occur here. */
export function durationMs(iso: string | undefined): number {
    let seconds = 0;
    for (const [, n, unit] of (iso ?? '').matchAll(/(\d+)([SMHDW])/g)) seconds += Number(n) * (SECONDS[unit ?? 'S'] ?? 0);
    return seconds > 0 ? seconds * 1000 : 1800e3;
}

/** A resource that is asked for again and again. */
export function useFresh<T>(load: () => Promise<T>, deps: unknown[], ms = AGAIN_MS): Resource<T> {
    const own = useResource(load, deps);
    useInterval(own.reload, ms);
    return own;
}

// --- the newest values, from one stream for all tiles ---

interface Newest {
    value: unknown;
    at: number;
}

const Stream = createContext<Map<string, Newest>>(new Map());

const MOST_ASKED = 100; // devices that a stream can be of
const MOST_ASKED_BYTES = 6000; // of their ids; an address has 8 KB at most

/** Of a tile of a whole group, the devices that it shows. */
async function shownDevices({ group = '', devices = [] }: TileConfiguration): Promise<string[]> {
    return devices.length > 0 ? devices : (await all<Device>(`/deviceGroups/${id(group)}/devices`, { maxpagesize: String(MAX_DEVICES) }, MAX_DEVICES)).slice(0, MAX_DEVICES).map((one) => one.id);
}

export function Streamed({ tiles, children }: { tiles: Tile[]; children: Children }): JSX.Element {
    const shown = tiles.map((tile) => tile.configuration).filter(({ type }) => type === 'lkv' || type === 'mapTelemetry');
    const found = useResource(async () => [...new Set((await Promise.all(shown.map(shownDevices))).flat())].sort(), [JSON.stringify(shown)]);
    const devices = found.data ?? [];
    const newest = useRef(new Map<string, Newest>());
    const [, setRound] = useState(0);
    useEffect(() => {
        if (devices.length === 0) return undefined;
        const wanted = new Set(devices);
        let fresh = false;
        const hear = (event: LiveEvent): void => {
            if (!wanted.has(event.deviceId ?? '')) return;
            fresh = true;
            for (const [key, value, at] of valuesOf(event)) newest.current.set(`${event.deviceId} ${key}`, { value, at });
        };
        const draw = setInterval(() => fresh && ((fresh = false), setRound((n) => n + 1)), 1000);
        const asked = devices.length > MOST_ASKED || encodeURIComponent(devices.join()).length > MOST_ASKED_BYTES ? undefined : devices.join();
        const end = listen({ kind: 'telemetry', deviceId: asked }, undefined, hear, () => undefined);
        return () => (clearInterval(draw), end());
    }, [devices.join()]);
    return <Stream.Provider value={new Map(newest.current)}>{children}</Stream.Provider>;
}

// --- kinds ---

const HISTORIES = new Set(['stateChart', 'stateHistoryChart', 'eventChart', 'eventHistoryChart']);

/** Values that the service makes up should not be taken for measurements. */
function Simulated({ of }: { of: TileConfiguration }): JSX.Element | null {
    const names = of.devices ?? (of.device === undefined ? [] : [of.device]);
    const made = useResource(async () => (await Promise.all(names.slice(0, MAX_DEVICES).map((name) => getKept<Device>(`/devices/${id(name)}`)))).some((one) => one.simulated === true), [names.join('\n')]);
    return made.data === true ? (
        <p class="simulated">
            <Badge tone="sim">Simulated</Badge>
        </p>
    ) : null;
}

/** known: what is around it says already whether the device is simulated. */
export function TileBody({ known, ...props }: { of: TileConfiguration; tall: number; known?: boolean }): JSX.Element {
    return (
        <>
            <TileContent {...props} />
            {known !== true && <Simulated of={props.of} />}
        </>
    );
}

function TileContent({ of, tall }: { of: TileConfiguration; tall: number }): JSX.Element {
    const height = Math.max(90, tall * 148 - 116);
    if (HISTORIES.has(of.type)) return <HistoryTile of={of} changes={of.type.startsWith('state')} />;
    switch (of.type) {
        case 'lineChart':
        case 'barChart':
            return <ChartTile of={of} height={height} />;
        case 'heatMapChart':
            return <HeatTile of={of} />;
        case 'dataExplorer':
            return <QueryTile of={of} height={height} />;
        case 'pieChart':
            return <PieTile of={of} />;
        case 'lkv':
        case 'property':
        case 'mapProperty':
        case 'mapTelemetry':
            return <ValuesTile of={of} />;
        case 'kpi':
            return <KpiTile of={of} />;
        case 'deviceCount':
            return <CountTile of={of} />;
        case 'markdown':
            return <Markdown text={of.description ?? ''} />;
        case 'label':
            return <p class={`label-tile t${Math.min(5, Math.max(1, Math.round((of.textSize ?? 24) / 12)))}`}>{of.text}</p>;
        case 'image':
            return <ImageTile of={of} />;
        case 'externalContent':
            return <p>{safeLink(of.sourceUrl, of.sourceUrl)}</p>;
        case 'command':
            return <CommandTile of={of} />;
        default:
            return <p class="dim">Tiles of type {of.type} are kept, but not drawn by this page.</p>;
    }
}

export interface Target {
    device: Device;
    capabilities: Capability[];
}

const MAX_DEVICES = 10;

export async function targets(of: TileConfiguration): Promise<Target[]> {
    const names = await shownDevices(of);
    const wanted = (of.capabilities ?? []).map((one) => one.capability);
    const found = names.slice(0, MAX_DEVICES).map(async (name): Promise<Target[]> => {
        const device = await getKept<Device>(`/devices/${id(name)}`);
        if (device.template === undefined) return [];
        const template = await getKept<Template>(`/deviceTemplates/${id(device.template)}`);
        return [{ device, capabilities: capabilitiesOf(template).filter((one) => wanted.includes(keyOf(one))) }];
    });
    return (await Promise.all(found)).flat();
}

export const aggregateFor = (of: TileConfiguration, one: Capability): string => of.capabilities?.find((own) => own.capability === keyOf(one))?.aggregateFunction ?? 'avg';
export const nameFor = (found: Target[], device: Device, one: Capability): string => (found.length > 1 ? `${device.displayName ?? device.id} ${one.displayName}` : one.displayName);
export const unitFor = (aggregate: string, one: Capability): string => (aggregate === 'count' ? '' : one.unit);

/** The last so many values, as they came. */
async function lastPoints(device: Device, one: Capability, count: number): Promise<Points> {
    const { value } = await get<ListPage<LiveEvent>>('/events', { deviceId: device.id, kind: 'telemetry', maxpagesize: String(Math.min(1000, count * 2)) });
    const points = value.reverse().flatMap((event) => valuesOf(event).flatMap(([key, v, at]): Points => (key === keyOf(one) && typeof v === 'number' ? [[at, v]] : [])));
    return points.slice(-count);
}

async function seriesOf(of: TileConfiguration): Promise<Series[]> {
    const found = await targets(of);
    const windowMs = durationMs(of.queryRange?.duration);
    const steps = Math.min(1000, Math.max(2, Math.round(windowMs / durationMs(of.queryRange?.resolution ?? 'PT1M'))));
    const each = found.flatMap(({ device, capabilities }) =>
        capabilities.map(async (one): Promise<Series> => {
            const aggregate = aggregateFor(of, one);
            const raw = of.queryRange?.type === 'count';
            const points = raw ? await lastPoints(device, one, of.queryRange?.count ?? 100) : pointsIn(await bucketsOf(device.id, one, windowMs, steps), aggregate);
            const range = aggregate === 'sum' || aggregate === 'count' ? undefined : wholeRange(one);
            return { label: nameFor(found, device, one), unit: unitFor(aggregate, one), points, range };
        }),
    );
    return Promise.all(each);
}

/** A template that changed, or a group without devices. */
export const HasNot = ({ of }: { of: TileConfiguration }): JSX.Element => <p class="dim">{of.group === undefined || of.devices?.length === 1 ? 'The device does not have this.' : 'No device has this.'}</p>;

function ChartTile({ of, height }: { of: TileConfiguration; height: number }): JSX.Element {
    const series = useFresh(() => seriesOf(of), [JSON.stringify(of)]);
    const to = Date.now();
    const window = of.queryRange?.type === 'count' ? {} : { from: to - durationMs(of.queryRange?.duration), to };
    return (
        <Loaded of={series} lines={2}>
            {(data) => (data.length === 0 ? <HasNot of={of} /> : <Chart series={data} height={height} label="Tile" bars={of.type === 'barChart'} {...window} />)}
        </Loaded>
    );
}

interface Share {
    name: string;
    value: number;
    text: string;
}

async function sharesOf(of: TileConfiguration): Promise<Share[]> {
    const found = await targets(of);
    const each = found.flatMap(({ device, capabilities }) =>
        capabilities.map(async (one): Promise<Share[]> => {
            const aggregate = aggregateFor(of, one);
            const [bucket] = await bucketsOf(device.id, one, durationMs(of.queryRange?.duration), 1);
            const value = bucket === undefined ? undefined : aggregateOf(bucket, aggregate);
            const name = capabilities.length === 1 && found.length > 1 ? (device.displayName ?? device.id) : nameFor(found, device, one);
            return value === undefined || value <= 0 ? [] : [{ name, value, text: quantity(value, unitFor(aggregate, one)) }];
        }),
    );
    return (await Promise.all(each)).flat();
}

const SPAN = 2 * Math.PI * 16; // around a circle of radius 16

function PieTile({ of }: { of: TileConfiguration }): JSX.Element {
    const shares = useFresh(() => sharesOf(of), [JSON.stringify(of)]);
    return (
        <Loaded of={shares} lines={2}>
            {(list) => {
                const sum = list.reduce((all, one) => all + one.value, 0);
                let before = 0;
                if (list.length === 0) return <p class="dim">Nothing was sent in that time.</p>;
                return (
                    <div class="pie">
                        <svg viewBox="0 0 64 64" role="img" aria-label={`Pie chart. ${list.map((one) => `${one.name}: ${one.text}`).join('; ')}.`}>
                            {list.map((one, i) => {
                                const start = before;
                                before += one.value / sum;
                                return <circle class={`slice s${(i % COLOURS.length) + 1}`} cx="32" cy="32" r="16" stroke-dasharray={`${(one.value / sum) * SPAN} ${SPAN}`} stroke-dashoffset={-start * SPAN} />;
                            })}
                        </svg>
                        <ul class="pie-legend" aria-hidden="true">
                            {list.map((one, i) => (
                                <li>
                                    <i class={`key k${(i % COLOURS.length) + 1}`} /> {one.name} <b>{one.text}</b> <span class="dim">{Math.round((100 * one.value) / sum)}%</span>
                                </li>
                            ))}
                        </ul>
                    </div>
                );
            }}
        </Loaded>
    );
}

interface Happened {
    at: string;
    name: string;
    text: string;
}

const MOST_LISTED = 30;

async function historyOf(of: TileConfiguration, changes: boolean): Promise<Happened[]> {
    const found = await targets(of);
    const from = of.queryRange?.type === 'count' ? undefined : new Date(Date.now() - durationMs(of.queryRange?.duration)).toISOString();
    const each = found.map(async ({ device, capabilities }): Promise<Happened[]> => {
        const { value } = await get<ListPage<LiveEvent>>('/events', { deviceId: device.id, kind: 'telemetry', from, maxpagesize: '1000' });
        const last = new Map<string, string>();
        const happened: Happened[] = [];
        for (const event of value.reverse())
            for (const [key, v, at] of valuesOf(event)) {
                const one = capabilities.find((own) => keyOf(own) === key);
                if (one === undefined) continue;
                const text = valueText(one, v);
                if (changes && last.get(key) === text) continue;
                last.set(key, text);
                happened.push({ at: new Date(at).toISOString(), name: nameFor(found, device, one), text });
            }
        return happened;
    });
    const all = (await Promise.all(each)).flat().sort((a, b) => (a.at < b.at ? 1 : -1));
    return all.slice(0, of.queryRange?.type === 'count' ? Math.min(MOST_LISTED, of.queryRange.count ?? MOST_LISTED) : MOST_LISTED);
}

/** As a person says it: the label of an enum, a place as two numbers. */
function valueText(one: Capability, value: unknown): string {
    if (one.schema.kind === 'enum') return one.schema.values.find((own) => own.value === value)?.label ?? show(value);
    if (typeof value === 'object' && value !== null && 'lat' in value && 'lon' in value) return [value.lat, value.lon].map((n) => (typeof n === 'number' ? n.toFixed(5) : '–')).join(', ');
    return show(value, one.unit);
}

function HistoryTile({ of, changes }: { of: TileConfiguration; changes: boolean }): JSX.Element {
    const list = useFresh(() => historyOf(of, changes), [JSON.stringify(of)]);
    const several = (of.capabilities?.length ?? 0) > 1 || (of.devices?.length ?? 0) !== 1;
    return (
        <Loaded of={list} lines={2}>
            {(happened) =>
                happened.length === 0 ? (
                    <p class="dim">Nothing was sent in that time.</p>
                ) : (
                    <ol class="happened" tabIndex={0} aria-label="What happened, the newest first">
                        {happened.map((one) => (
                            <li>
                                <time dateTime={one.at} title={when(one.at)}>
                                    {dayTime(one.at)}
                                </time>
                                {several && <span class="dim">{one.name}</span>} <b>{one.text}</b>
                            </li>
                        ))}
                    </ol>
                )
            }
        </Loaded>
    );
}

interface Value {
    name: string;
    device: string;
    of: Capability;
    value: unknown;
    at: number | undefined;
    trend: Points;
}

const TREND_MS = 1800e3;

async function valueOf(device: Device, one: Capability, name: string, trend: boolean): Promise<Value> {
    const own: Value = { name, device: device.id, of: one, value: undefined, at: undefined, trend: [] };
    if (one.kind === 'Property') {
        const values = await get<Json>(`/devices/${id(device.id)}/properties`);
        const level = one.component === '' ? values : ((values[one.component] ?? {}) as Json);
        return { ...own, value: level[one.name] };
    }
    try {
        const { value, timestamp } = await get<{ value: unknown; timestamp: string }>(`/devices/${id(device.id)}${pathOf(one, `/telemetry/${id(one.name)}`)}`);
        if (trend && typeof value === 'number') own.trend = pointsIn(await bucketsOf(device.id, one, TREND_MS, 40), 'avg');
        return { ...own, value, at: Date.parse(timestamp) };
    } catch (error) {
        if (error instanceof ApiError && error.status === 404) return own;
        throw error;
    }
}

function ValuesTile({ of }: { of: TileConfiguration }): JSX.Element {
    const newest = useContext(Stream);
    const single = of.devices?.length === 1 && of.capabilities?.length === 1;
    const values = useFresh(
        async () => {
            const found = await targets(of);
            const trend = single && of.type === 'lkv' && of['showTrend'] !== false;
            return Promise.all(found.flatMap(({ device, capabilities }) => capabilities.map((one) => valueOf(device, one, nameFor(found, device, one), trend))));
        },
        [JSON.stringify(of)],
        of.type === 'lkv' ? 2 * AGAIN_MS : AGAIN_MS,
    );
    const now = (one: Value): Value => {
        const live = one.of.kind === 'Telemetry' ? newest.get(`${one.device} ${keyOf(one.of)}`) : undefined;
        return live !== undefined && live.at >= (one.at ?? 0) ? { ...one, ...live } : one;
    };
    return (
        <Loaded of={values} lines={1}>
            {(all) => {
                const list = all.map(now);
                const [only] = list;
                if (list.length === 0) return <HasNot of={of} />;
                if (list.length !== 1 || only === undefined) return <Facts items={list.map((one) => [one.name, <b>{valueText(one.of, one.value)}</b>])} />;
                return (
                    <>
                        <p class="kpi">{valueText(only.of, only.value)}</p>
                        {only.at !== undefined && <p class="dim">{ago(new Date(only.at).toISOString())}</p>}
                        {only.trend.length > 1 && <Trend points={only.trend} />}
                    </>
                );
            }}
        </Loaded>
    );
}

/** A line without axes: whether it rises or falls. */
function Trend({ points }: { points: Points }): JSX.Element {
    const values = points.map(([, value]) => value);
    const [first, last] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 1];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const x = (at: number): number => ((at - first) / Math.max(1, last - first)) * 100;
    const y = (value: number): number => (high === low ? 10 : 19 - ((value - low) / (high - low)) * 18);
    return (
        <svg class="trend" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
            <polyline points={points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')} />
        </svg>
    );
}

const SAID: Record<string, string> = { avg: 'Average', min: 'Lowest', max: 'Highest', sum: 'Sum', count: 'Count' };
const TIMES: Record<string, string> = { PT30M: '30 minutes', PT1H: 'hour', PT12H: '12 hours', P1D: 'day', P1W: 'week', P30D: '30 days' };

function KpiTile({ of }: { of: TileConfiguration }): JSX.Element {
    const aggregate = of.capabilities?.[0]?.aggregateFunction ?? 'avg';
    const value = useFresh(async () => {
        const [first] = await targets(of);
        const [one] = first?.capabilities ?? [];
        if (first === undefined || one === undefined) return '–';
        const [bucket] = await bucketsOf(first.device.id, one, durationMs(of.queryRange?.duration), 1);
        const found = bucket === undefined ? undefined : aggregateOf(bucket, aggregate);
        return found === undefined ? '–' : quantity(found, unitFor(aggregate, one));
    }, [JSON.stringify(of)]);
    return (
        <Loaded of={value} lines={1}>
            {(text) => (
                <>
                    <p class="kpi">{text}</p>
                    <p class="dim">
                        {SAID[aggregate] ?? aggregate} of the last {TIMES[of.queryRange?.duration ?? 'PT30M'] ?? of.queryRange?.duration}
                    </p>
                </>
            )}
        </Loaded>
    );
}

function CountTile({ of }: { of: TileConfiguration }): JSX.Element {
    const count = useFresh(() => (of.group === undefined ? all<Device>('/devices') : groupDevices(of.group)), [of.group]);
    return (
        <Loaded of={count} lines={1}>
            {(devices) => (
                <>
                    <p class="kpi">{devices.length}</p>
                    <p class="dim">{devices.filter((one) => one.connected === true).length} connected</p>
                </>
            )}
        </Loaded>
    );
}

/** Pictures of the dashboard itself or of this service: nothing is fetched from elsewhere. */
export const isImage = (text: string | undefined): text is string => text !== undefined && (/^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/.test(text) || /^\/[^/\\]/.test(text));

function ImageTile({ of }: { of: TileConfiguration }): JSX.Element {
    if (!isImage(of.image)) return <p class="dim">The picture is elsewhere: pictures from other places are not fetched.</p>;
    const picture = <img class="picture" src={of.image} alt="" />;
    return <>{of.href === undefined ? picture : safeLink(of.href, picture)}</>;
}

function CommandTile({ of }: { of: TileConfiguration }): JSX.Element {
    const device = of.device ?? of.devices?.[0] ?? '';
    const found = useResource(
        async () => {
            const own = await getKept<Device>(`/devices/${id(device)}`);
            const template = await getKept<Template>(`/deviceTemplates/${id(own.template ?? '')}`);
            return { own, command: capabilitiesOf(template).find((one) => one.kind === 'Command' && keyOf(one) === of.command) };
        },
        [device, of.command],
    );
    return <Loaded of={found}>{({ own, command }) => (command === undefined ? <p class="dim">There is no such command.</p> : <CommandCard device={own} of={command} from="" bare />)}</Loaded>;
}

export const isCharted = (one: Capability): boolean => isNumeric(one.schema) || isBoolean(one.schema);

// --- Markdown: what a note on a dashboard needs, as elements and never as HTML ---

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\([^)\s]+\))/;

/** A link where it leads to a page; any other scheme stays text. */
function safeLink(href: string | undefined, text: Children): Children {
    if (href === undefined || !/^(https?:\/\/|#\/|\/[^/\\])/.test(href)) return text;
    return (
        <a href={href} rel="noreferrer noopener">
            {text}
        </a>
    );
}

function inline(text: string): Children {
    return text.split(INLINE).map((piece) => {
        if (piece.startsWith('`') && piece.endsWith('`')) return <code>{piece.slice(1, -1)}</code>;
        if (piece.startsWith('**') && piece.endsWith('**')) return <b>{piece.slice(2, -2)}</b>;
        if (piece.startsWith('*') && piece.endsWith('*') && piece.length > 2) return <i>{piece.slice(1, -1)}</i>;
        const link = /^\[([^\]]+)\]\((https?:\/\/[^)\s]+|#\/[^)\s]*)\)$/.exec(piece);
        return link === null ? piece : safeLink(link[2], link[1]);
    });
}

export function Markdown({ text }: { text: string }): JSX.Element {
    const blocks = text.split(/\n\s*\n/);
    return (
        <div class="markdown">
            {blocks.map((block) => {
                const heading = /^(#{1,3}) (.*)$/s.exec(block);
                if (heading !== null) return <h3>{inline(heading[2] ?? '')}</h3>;
                const lines = block.split('\n');
                if (lines.every((line) => /^\s*[-*] /.test(line)))
                    return (
                        <ul>
                            {lines.map((line) => (
                                <li>{inline(line.replace(/^\s*[-*] /, ''))}</li>
                            ))}
                        </ul>
                    );
                return <p>{inline(block)}</p>;
            })}
        </div>
    );
}
