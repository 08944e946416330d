// What a dashboard's tiles show.
import type { JSX } from 'preact';
import { all, ApiError, get, id, type Device } from '../api';
import { Chart, type Series } from '../chart';
import { ago, quantity, show } from '../format';
import { capabilitiesOf, isNumeric, keyOf, pathOf, type Capability, type Json, type Template } from '../model';
import { pointsOf, query, rowsOf } from '../telemetry';
import { Facts, Loaded, useInterval, useResource, type Children, type Resource } from '../ui';
import type { TileConfiguration } from './dashboards';
import { CommandCard } from './device_commands';
import { groupDevices } from './groups';

const SECONDS: Record<string, number> = { S: 1, M: 60, H: 3600, D: 86400, W: 604800 };

/** PT30M, P1D: ms. Months and years do not occur here. */
export function durationMs(iso: string | undefined): number {
    let seconds = 0;
    for (const [, n, unit] of (iso ?? '').matchAll(/(\d+)([SMHDW])/g)) seconds += Number(n) * (SECONDS[unit ?? 'S'] ?? 0);
    return seconds > 0 ? seconds * 1000 : 1800e3;
}

/** A resource that is asked for again and again. */
function useFresh<T>(load: () => Promise<T>, deps: unknown[], ms: number): Resource<T> {
    const own = useResource(load, deps);
    useInterval(own.reload, ms);
    return own;
}

export function TileBody({ of, tall }: { of: TileConfiguration; tall: number }): JSX.Element {
    switch (of.type) {
        case 'lineChart':
        case 'barChart':
            return <LineTile of={of} height={Math.max(90, tall * 148 - 116)} />;
        case 'lkv':
        case 'property':
            return <ValuesTile of={of} />;
        case 'kpi':
            return <KpiTile of={of} />;
        case 'deviceCount':
            return <CountTile of={of} />;
        case 'markdown':
            return <Markdown text={of.description ?? ''} />;
        case 'label':
            return <p class="kpi">{of.text}</p>;
        case 'command':
            return <CommandTile of={of} />;
        default:
            return <p class="dim">Tiles of type {of.type} are kept, but not drawn by this page.</p>;
    }
}

interface Target {
    device: Device;
    template: Template;
    capabilities: Capability[];
}

const MAX_DEVICES = 10;

async function targets(of: TileConfiguration): Promise<Target[]> {
    const names = of.devices !== undefined && of.devices.length > 0 ? of.devices : (await groupDevices(of.group ?? '')).map((one) => one.id);
    const found: Target[] = [];
    for (const name of names.slice(0, MAX_DEVICES)) {
        const device = await get<Device>(`/devices/${id(name)}`);
        if (device.template === undefined) continue;
        const template = await get<Template>(`/deviceTemplates/${id(device.template)}`);
        const wanted = (of.capabilities ?? []).map((one) => one.capability);
        found.push({ device, template, capabilities: capabilitiesOf(template).filter((one) => wanted.includes(keyOf(one))) });
    }
    return found;
}

async function seriesOf(of: TileConfiguration): Promise<Series[]> {
    const series: Series[] = [];
    const found = await targets(of);
    const windowMs = durationMs(of.queryRange?.duration);
    const bucketMs = Math.max(60e3, durationMs(of.queryRange?.resolution ?? 'PT1M'));
    const aggregate = (of.capabilities?.[0]?.aggregateFunction ?? 'avg').toUpperCase();
    for (const { device, template, capabilities } of found) {
        const names = capabilities.filter((one) => isNumeric(one.schema)).map(keyOf);
        if (names.length === 0) continue;
        const rows = await rowsOf({ template: template['@id'], names, windowMs, bucketMs, aggregate, deviceId: device.id });
        for (const one of capabilities)
            series.push({ label: found.length > 1 ? `${device.displayName ?? device.id} ${one.displayName}` : one.displayName, unit: one.unit, points: pointsOf(rows, keyOf(one)) });
    }
    return series;
}

function LineTile({ of, height }: { of: TileConfiguration; height: number }): JSX.Element {
    const series = useFresh(() => seriesOf(of), [JSON.stringify(of)], 10000);
    const now = Date.now();
    return (
        <Loaded of={series} lines={2}>
            {(data) => <Chart series={data} height={height} label="Tile" from={now - durationMs(of.queryRange?.duration)} to={now} />}
        </Loaded>
    );
}

interface Value {
    name: string;
    text: string;
    at: string | undefined;
}

async function valueOf(device: Device, one: Capability): Promise<Value> {
    const name = one.displayName;
    if (one.kind === 'Property') {
        const values = await get<Json>(`/devices/${id(device.id)}${pathOf(one, '/properties')}`);
        return { name, text: show(values[one.name], one.unit), at: undefined };
    }
    try {
        const { value, timestamp } = await get<{ value: unknown; timestamp: string }>(`/devices/${id(device.id)}${pathOf(one, `/telemetry/${id(one.name)}`)}`);
        return { name, text: show(value, one.unit), at: timestamp };
    } catch (error) {
        if (error instanceof ApiError && error.status === 404) return { name, text: '–', at: undefined };
        throw error;
    }
}

function ValuesTile({ of }: { of: TileConfiguration }): JSX.Element {
    const values = useFresh(
        async () => {
            const found = await targets(of);
            const lists = await Promise.all(found.map(({ device, capabilities }) => Promise.all(capabilities.map((one) => valueOf(device, one)))));
            return lists.flat();
        },
        [JSON.stringify(of)],
        3000,
    );
    return (
        <Loaded of={values} lines={1}>
            {(list) =>
                list.length === 1 && list[0] !== undefined ? (
                    <>
                        <p class="kpi">{list[0].text}</p>
                        {list[0].at !== undefined && <p class="dim">{ago(list[0].at)}</p>}
                    </>
                ) : (
                    <Facts items={list.map((one) => [one.name, <b>{one.text}</b>])} />
                )
            }
        </Loaded>
    );
}

function KpiTile({ of }: { of: TileConfiguration }): JSX.Element {
    const value = useFresh(
        async () => {
            const aggregate = of.capabilities?.[0]?.aggregateFunction ?? 'avg';
            const [first] = await targets(of);
            const [one] = first?.capabilities ?? [];
            if (first === undefined || one === undefined) return '–';
            const minutes = Math.round(durationMs(of.queryRange?.duration) / 60e3);
            const [row] = await query(`SELECT ${aggregate.toUpperCase()}(${keyOf(one)}) AS v FROM ${first.template['@id']} WHERE WITHIN_WINDOW(PT${minutes}M) AND $id = '${first.device.id}'`);
            return typeof row?.['v'] === 'number' ? quantity(row['v'], aggregate === 'count' ? '' : one.unit) : '–';
        },
        [JSON.stringify(of)],
        10000,
    );
    return (
        <Loaded of={value} lines={1}>
            {(text) => (
                <>
                    <p class="kpi">{text}</p>
                    <p class="dim">
                        {of.capabilities?.[0]?.aggregateFunction ?? 'avg'} over {of.queryRange?.duration?.replace(/^PT?/, '').toLowerCase()}
                    </p>
                </>
            )}
        </Loaded>
    );
}

function CountTile({ of }: { of: TileConfiguration }): JSX.Element {
    const count = useFresh(() => (of.group === undefined ? all<Device>('/devices') : groupDevices(of.group)), [of.group], 10000);
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

function CommandTile({ of }: { of: TileConfiguration }): JSX.Element {
    const device = of.device ?? of.devices?.[0] ?? '';
    const found = useResource(
        async () => {
            const own = await get<Device>(`/devices/${id(device)}`);
            const template = await get<Template>(`/deviceTemplates/${id(own.template ?? '')}`);
            return { own, command: capabilitiesOf(template).find((one) => one.kind === 'Command' && keyOf(one) === of.command) };
        },
        [device, of.command],
    );
    return <Loaded of={found}>{({ own, command }) => (command === undefined ? <p class="dim">There is no such command.</p> : <CommandCard device={own} of={command} from="" bare />)}</Loaded>;
}

// --- Markdown: what a note on a dashboard needs, as elements and never as HTML ---

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\([^)\s]+\))/;

function inline(text: string): Children {
    return text.split(INLINE).map((piece) => {
        if (piece.startsWith('`') && piece.endsWith('`')) return <code>{piece.slice(1, -1)}</code>;
        if (piece.startsWith('**') && piece.endsWith('**')) return <b>{piece.slice(2, -2)}</b>;
        if (piece.startsWith('*') && piece.endsWith('*') && piece.length > 2) return <i>{piece.slice(1, -1)}</i>;
        const link = /^\[([^\]]+)\]\((https?:\/\/[^)\s]+|#\/[^)\s]*)\)$/.exec(piece);
        if (link !== null)
            return (
                <a href={link[2]} rel="noreferrer">
                    {link[1]}
                </a>
            );
        return piece;
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
