// A picture of numbers, and the numbers: whoever cannot read the one has the other.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Icon, Table, type Children } from '../ui';

export interface Numbers {
    label: string;
    columns: string[];
    numeric: boolean[]; // of the columns
    rows: { key: string; cells: Children[] }[];
}

export const NumbersTable = ({ of }: { of: Numbers }): JSX.Element => (
    <Table label={of.label} keep rows={of.rows} keyOf={(row) => row.key} columns={of.columns.map((name, i) => ({ name, class: of.numeric[i] === true ? 'num' : '', cell: (row: Numbers['rows'][number]) => row.cells[i] }))} />
);

export function ChartOrTable({ numbers, children }: { numbers: () => Numbers; children: Children }): JSX.Element {
    const [table, setTable] = useState(false);
    return (
        <div class="either">
            {table ? <NumbersTable of={numbers()} /> : children}
            <button class="bare as-table" type="button" aria-pressed={table} title={table ? 'Show the chart' : 'Show the numbers'} aria-label="As a table" onClick={() => setTable(!table)}>
                <Icon name={table ? 'analytics' : 'table'} />
            </button>
        </div>
    );
}
