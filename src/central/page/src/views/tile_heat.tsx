// A heat map: a row for each telemetry of each device, a column for each time, the darker the higher.
import type { JSX } from 'preact';
import { dayTime, quantity } from '../format';
import { keyOf, wholeRange, type Capability } from '../model';
import { aggregateOf, historyOf } from '../telemetry';
import { Loaded } from '../ui';
import { ChartOrTable, type Numbers } from './chart_or_table';
import type { TileConfiguration } from './tile_grid';
import { aggregateFor, durationMs, nameFor, targets, unitFor, useFresh } from './tiles';

const MOST_COLUMNS = 48;
const SHADES = 8;

interface HeatRow {
    name: string;
    scale: string; // what shares a range of values: a telemetry
    cells: (number | undefined)[];
}

interface Scale {
    name: string;
    unit: string;
    low: number;
    high: number;
}

interface Heat {
    rows: HeatRow[];
    scales: Map<string, Scale>;
    from: number;
    stepMs: number;
}

function scaleOf(one: Capability, aggregate: string, rows: HeatRow[]): Scale {
    const values = rows.flatMap((row) => (row.scale === keyOf(one) ? row.cells.filter((value) => value !== undefined) : []));
    const whole = aggregate === 'sum' || aggregate === 'count' ? undefined : wholeRange(one);
    const [low, high] = whole ?? [Math.min(...values), Math.max(...values)];
    return { name: one.displayName, unit: unitFor(aggregate, one), low, high };
}

export async function heatOf(of: TileConfiguration): Promise<Heat> {
    const found = await targets(of);
    const windowMs = durationMs(of.queryRange?.duration);
    const columns = Math.min(MOST_COLUMNS, Math.max(2, Math.round(windowMs / durationMs(of.queryRange?.resolution ?? 'PT5M'))));
    // As the service says: its clock may differ from the browser's. The rows differ by the ms between their questions.
    let first = Date.now() - windowMs;
    let stepMs = windowMs / columns;
    const each = found.flatMap(({ device, capabilities }) =>
        capabilities.map(async (one): Promise<HeatRow> => {
            const { from, bucketMs, value } = await historyOf(device.id, one, windowMs, columns);
            first = Date.parse(from);
            stepMs = bucketMs;
            const cells: (number | undefined)[] = Array.from({ length: columns }, () => undefined);
            for (const bucket of value) cells[Math.min(columns - 1, Math.max(0, Math.round((Date.parse(bucket.timestamp) - Date.parse(from)) / bucketMs)))] = aggregateOf(bucket, aggregateFor(of, one));
            const name = capabilities.length === 1 && found.length > 1 ? (device.displayName ?? device.id) : nameFor(found, device, one);
            return { name, scale: keyOf(one), cells };
        }),
    );
    const rows = (await Promise.all(each)).filter((row) => row.cells.some((value) => value !== undefined));
    const drawn = new Map(found.flatMap(({ capabilities }) => capabilities.map((one): [string, Capability] => [keyOf(one), one])));
    const scales = new Map([...drawn].filter(([key]) => rows.some((row) => row.scale === key)).map(([key, one]): [string, Scale] => [key, scaleOf(one, aggregateFor(of, one), rows)]));
    return { rows, scales, from: first, stepMs };
}

/** 1 to SHADES. */
function shade(value: number, { low, high }: Scale): number {
    const part = high > low ? (value - low) / (high - low) : 0.5;
    return 1 + Math.min(SHADES - 1, Math.max(0, Math.floor(part * SHADES)));
}

const at = (heat: Heat, column: number): string => dayTime(new Date(heat.from + column * heat.stepMs).toISOString());

function HeatPicture({ heat }: { heat: Heat }): JSX.Element {
    const columns = heat.rows[0]?.cells.length ?? 0;
    const ranges = [...heat.scales.values()].map((scale) => `${scale.name} from ${quantity(scale.low, scale.unit)} to ${quantity(scale.high, scale.unit)}`);
    return (
        <div class="heat" role="img" style={{ gridTemplateRows: `repeat(${heat.rows.length}, minmax(16px, 1fr)) auto` }} aria-label={`Heat map of ${heat.rows.length} ${heat.rows.length === 1 ? 'row' : 'rows'} and ${columns} times. ${ranges.join('; ')}.`}>
            {heat.rows.map((row) => {
                const scale = heat.scales.get(row.scale);
                return (
                    <>
                        <span class="heat-name" title={row.name}>
                            {row.name}
                        </span>
                        <svg viewBox={`0 0 ${columns} 1`} preserveAspectRatio="none">
                            {row.cells.map((value, i) =>
                                value === undefined || scale === undefined ? null : (
                                    <rect class={`heat-cell q${shade(value, scale)}`} x={i + 0.04} y="0" width="0.92" height="1">
                                        <title>{`${at(heat, i)}: ${quantity(value, scale.unit)}`}</title>
                                    </rect>
                                ),
                            )}
                        </svg>
                    </>
                );
            })}
            <span class="heat-axis">
                <span>{at(heat, 0)}</span>
                <span>{at(heat, columns)}</span>
            </span>
        </div>
    );
}

const Legend = ({ heat }: { heat: Heat }): JSX.Element => (
    <ul class="heat-legend" aria-hidden="true">
        {[...heat.scales.values()].map((scale) => (
            <li>
                {heat.scales.size > 1 && <span>{scale.name}</span>} <b>{quantity(scale.low, scale.unit)}</b>
                <svg viewBox={`0 0 ${SHADES} 1`} preserveAspectRatio="none">
                    {Array.from({ length: SHADES }, (_, i) => (
                        <rect class={`heat-cell q${i + 1}`} x={i} y="0" width="1.02" height="1" />
                    ))}
                </svg>
                <b>{quantity(scale.high, scale.unit)}</b>
            </li>
        ))}
    </ul>
);

function numbersOf(heat: Heat): Numbers {
    const columns = heat.rows[0]?.cells.length ?? 0;
    const rows = Array.from({ length: columns }, (_, i) => ({
        key: String(i),
        cells: [at(heat, i), ...heat.rows.map((row) => (row.cells[i] === undefined ? '–' : quantity(row.cells[i], heat.scales.get(row.scale)?.unit ?? '')))],
    }));
    return { label: 'Values of the heat map', columns: ['Time', ...heat.rows.map((row) => row.name)], numeric: [false, ...heat.rows.map(() => true)], rows: rows.reverse() };
}

export function HeatTile({ of }: { of: TileConfiguration }): JSX.Element {
    const heat = useFresh(() => heatOf(of), [JSON.stringify(of)]);
    return (
        <Loaded of={heat} lines={2}>
            {(data) =>
                data.rows.length === 0 ? (
                    <p class="dim">Nothing was sent in that time.</p>
                ) : (
                    <ChartOrTable numbers={() => numbersOf(data)}>
                        <HeatPicture heat={data} />
                        <Legend heat={data} />
                    </ChartOrTable>
                )
            }
        </Loaded>
    );
}
