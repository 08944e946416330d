// What a query answers, as a chart where it has times and numbers, and as a table.
import type { Series } from './chart';
import { quantity, show, when } from './format';
import type { Row } from './telemetry';
import type { Numbers } from './views/chart_or_table';

const NAMES: Record<string, string> = { $ts: 'Time', $id: 'Device', $provisioned: 'Provisioned', $simulated: 'Simulated' };
const MOST_LINES = 6; // as many as there are colours
export const MOST_ROWS = 200; // of a table on the page

/** "avg_flow" as people say it. */
const named = (name: string): string => NAMES[name] ?? name.replace(/^(avg|min|max|sum|count|first|last)_/, '$1 ');

/** A row lacks the columns that it has nothing for. */
export function columnsOf(rows: Row[]): string[] {
    const names = new Set(rows.flatMap((row) => Object.keys(row)));
    const first = ['$ts', '$id'].filter((name) => names.delete(name));
    return [...first, ...names];
}

/** A line for each number, and of each device where the query tells them apart; none without times. */
export function seriesIn(rows: Row[]): Series[] {
    const found = new Map<string, Series>();
    for (const row of rows) {
        const at = Date.parse(String(row['$ts']));
        if (Number.isNaN(at)) continue;
        for (const [name, value] of Object.entries(row)) {
            if (typeof value !== 'number' || name.startsWith('$')) continue;
            const label = typeof row['$id'] === 'string' ? `${row['$id']} ${named(name)}` : named(name);
            const series = found.get(label) ?? { label, unit: '', points: [] };
            series.points.push([at, value]);
            found.set(label, series);
        }
    }
    const lines = [...found.values()].filter((one) => one.points.length > 1).slice(0, MOST_LINES);
    for (const one of lines) one.points.sort(([a], [b]) => a - b);
    return lines;
}

export function numbersIn(rows: Row[], label: string): Numbers {
    const columns = columnsOf(rows);
    const cell = (name: string, value: unknown): string => (name === '$ts' ? when(String(value)) : typeof value === 'number' ? quantity(value, '') : show(value));
    return {
        label,
        columns: columns.map(named),
        numeric: columns.map((name) => rows.some((row) => typeof row[name] === 'number')),
        rows: rows.slice(0, MOST_ROWS).map((row, i) => ({ key: String(i), cells: columns.map((name) => cell(name, row[name])) })),
    };
}
