// Time series by uPlot, in the page's colours.
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { quantity, ticks } from './format';

export interface Series {
    label: string;
    unit: string;
    /** ascending by time; ms */
    points: [number, number][];
    /** of its values, where that is known: percent are shown from 0 to 100, so that 98 does not look like 0 */
    range?: [number, number] | undefined;
}

const FONT = '11px system-ui, sans-serif';
export const COLOURS = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6'];
const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** One row of times, a column for each series; null where a series has nothing. */
export function align(series: Series[]): uPlot.AlignedData {
    if (series.length === 1) {
        const points = series[0]?.points ?? [];
        return [points.map(([at]) => at / 1000), points.map(([, value]) => value)];
    }
    const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
    const place = new Map(times.map((at, i) => [at, i]));
    const columns = series.map((one) => {
        const column: (number | null)[] = Array.from({ length: times.length }, () => null);
        for (const [at, value] of one.points) column[place.get(at) ?? 0] = value;
        return column;
    });
    return [times.map((at) => at / 1000), ...columns];
}

interface ChartProps {
    series: Series[];
    height: number;
    label: string;
    /** ms; the window shown. Without it: what the points cover. */
    from?: number;
    to?: number;
    small?: boolean;
    bars?: boolean;
}

const MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080]; // between ticks: seconds would not fit
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** The time at each tick, no finer than the ticks are; midnight as its day. */
function times(values: number[]): string[] {
    const [first = 0, second = first + 60] = values;
    const step = second - first;
    return values.map((value) => {
        const at = new Date(value * 1000);
        if (step >= 86400 || (at.getHours() === 0 && at.getMinutes() === 0 && step >= 60)) return day.format(at);
        return clock.format(at);
    });
}

function options(props: ChartProps, width: number, hover: (at: number | null) => void): uPlot.Options {
    // A scale for each unit; the first two have an axis, left and right.
    const units = [...new Set(props.series.map((one) => one.unit))];
    const scaleOf = (unit: string): string => `y${units.indexOf(unit)}`;
    const axis = (unit: string, i: number): uPlot.Axis => ({
        scale: scaleOf(unit),
        side: i === 0 ? 3 : 1,
        stroke: colour('--dim'),
        grid: { show: i === 0, stroke: colour('--line'), width: 1 },
        ticks: { show: false },
        font: FONT,
        gap: 6,
        size: (_, values) => Math.max(36, ...(values ?? []).map((value) => 14 + 6.6 * value.length)),
        space: props.small === true ? 32 : 44,
        values: (_, values) => ticks(values, unit),
    });
    return {
        width,
        height: props.height,
        legend: { show: false },
        padding: [8, units.length > 1 ? 8 : 20, 0, 0], // the last time stands half beside the end of the axis
        cursor: { drag: { x: false, y: false }, points: { size: 6 }, y: false },
        hooks: { setCursor: [(plot) => hover(plot.cursor.idx ?? null)] },
        scales: {
            x: { time: true, range: (_, min, max) => [(props.from ?? min * 1000) / 1000, (props.to ?? max * 1000) / 1000] },
            ...Object.fromEntries(units.map((unit): [string, uPlot.Scale] => [scaleOf(unit), { range: (_, min, max) => whole(props.series, unit) ?? (props.bars === true ? fromZero(min, max) : span(min, max)) }])),
        },
        axes: [
            {
                stroke: colour('--dim'),
                grid: { show: false },
                ticks: { show: false },
                font: FONT,
                gap: 6,
                size: 26,
                incrs: MINUTES.map((minutes) => minutes * 60),
                space: props.small === true ? 37 : 56,
                values: (_, values) => times(values),
            },
            ...units.slice(0, 2).map(axis),
        ],
        series: [
            {},
            ...props.series.map((one, i): uPlot.Series => {
                const stroke = colour(COLOURS[i % COLOURS.length] ?? '--c1');
                return {
                    label: one.label,
                    scale: scaleOf(one.unit),
                    stroke,
                    width: 1.5,
                    spanGaps: true,
                    points: { show: props.bars !== true && one.points.length < 40, size: 4, fill: stroke },
                    ...(props.bars === true ? { paths: bars(i, props.series.length), fill: stroke } : props.series.length === 1 ? { fill: stroke + '1f' } : {}),
                };
            }),
        ],
    };
}

/** What all series of a unit have as their range. */
function whole(series: Series[], unit: string): [number, number] | undefined {
    const ranges = series.filter((one) => one.unit === unit).map((one) => one.range);
    if (ranges.length === 0 || ranges.includes(undefined)) return undefined;
    return [Math.min(...ranges.map((range) => range?.[0] ?? 0)), Math.max(...ranges.map((range) => range?.[1] ?? 0))];
}

const fromZero = (min: number | null, max: number | null): [number, number] => {
    const [low, high] = span(min, max);
    return [Math.min(0, low), Math.max(0, high)];
};

/** Bars beside each other where there are several series. */
const bars = (at: number, of: number): uPlot.Series.PathBuilder | undefined => uPlot.paths.bars?.({ size: [0.7 / of, 24], align: of === 1 ? 0 : at < of / 2 ? -1 : 1 }) as uPlot.Series.PathBuilder | undefined;

/** Room around the values; a flat line stays in the middle, and what is near zero begins there. */
function span(min: number | null, max: number | null): [number, number] {
    if (min === null || max === null) return [0, 1];
    const room = max === min ? Math.max(Math.abs(max) * 0.1, 1) : (max - min) * 0.1;
    return [min >= 0 && min - room < 0 ? 0 : min - room, max + room];
}

export function Chart(props: ChartProps): JSX.Element {
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | undefined>(undefined);
    const window = useRef(props);
    window.current = props;
    const [hover, setHover] = useState<number | null>(null);
    const [theme, setTheme] = useState(0);
    const data = useMemo(() => align(props.series), [props.series]);
    const shape = `${props.series.map((one) => `${one.label}|${one.unit}`).join('\n')}|${props.height}|${theme}`;

    useEffect(() => {
        const redraw = (): void => setTheme((n) => n + 1);
        document.addEventListener('theme', redraw);
        return () => document.removeEventListener('theme', redraw);
    }, []);
    useEffect(() => {
        const at = box.current;
        if (at === null) return undefined;
        const first = options(props, at.clientWidth, setHover);
        const x = first.scales?.['x'];
        if (x !== undefined)
            x.range = (_, min, max) => [(window.current.from ?? min * 1000) / 1000, (window.current.to ?? max * 1000) / 1000];
        plot.current = new uPlot(first, data, at);
        const resize = new ResizeObserver(() => plot.current?.setSize({ width: at.clientWidth, height: props.height }));
        resize.observe(at);
        return () => (resize.disconnect(), plot.current?.destroy());
    }, [shape]);
    useEffect(() => plot.current?.setData(data), [data, props.from, props.to]);

    const at = hover !== null ? data[0][hover] : undefined;
    return (
        <div class="chart">
            <div ref={box} role="img" aria-label={describe(props)} class="chart-box" data-height={props.height} />
            <div class={`legend ${props.small === true ? 'over' : ''}`} aria-hidden="true">
                {props.small !== true || at !== undefined ? (
                    <>
                        {at !== undefined && <span class="dim">{new Date(at * 1000).toLocaleString()}</span>}
                        {props.series.map((one, i) => {
                            const value = hover !== null ? data[i + 1]?.[hover] : one.points.at(-1)?.[1];
                            return (
                                <span>
                                    <i class={`key k${(i % COLOURS.length) + 1}`} />
                                    {props.small !== true && `${one.label} `}
                                    <b>{value === undefined || value === null ? '–' : quantity(value, one.unit)}</b>
                                </span>
                            );
                        })}
                    </>
                ) : null}
            </div>
        </div>
    );
}

function describe({ label, series, bars }: ChartProps): string {
    const ends = series.map((one) => {
        const last = one.points.at(-1);
        return last === undefined ? `${one.label}: no data` : `${one.label}: ${one.points.length} values, the last ${quantity(last[1], one.unit)}`;
    });
    return `${bars === true ? 'Bar' : 'Line'} chart, ${label}. ${ends.join('; ')}.`;
}
