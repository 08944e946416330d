// Analytics: choose, draw, take away.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { all, deviceLabel, type Device } from '../api';
import { Chart, type Series } from '../chart';
import { csv, download, quantity, when } from '../format';
import { capabilitiesOf, isNumeric, keyOf, templateName, wholeRange, type Capability } from '../model';
import { isoDuration, pointsOf, rowsOf, textOf, type Ask } from '../telemetry';
import { Card, Empty, Page, Problem, SelectField, Table } from '../ui';
import { Choices } from './tile_form';
import { useTemplates } from './devices';
import { useEntities } from './entities';
import { groupDevices, type Group } from './groups';
import { mayKeepQueries, QueryForm, SavedQueries } from './saved_queries';

const WINDOWS: [string, string][] = [['1800', 'Last 30 minutes'], ['3600', 'Last hour'], ['43200', 'Last 12 hours'], ['86400', 'Last day'], ['604800', 'Last week'], ['2592000', 'Last 30 days']];
const AGGREGATES: [string, string][] = [['AVG', 'Average'], ['MIN', 'Minimum'], ['MAX', 'Maximum'], ['SUM', 'Sum'], ['COUNT', 'Count']];
const STEPS = [60, 300, 600, 1800, 3600, 43200, 86400, 604800];
const MAX_SPLIT = 6; // as many as there are colours
const NUMERIC_ONLY = new Set(['AVG', 'MIN', 'MAX', 'SUM']);

interface Result {
    series: Series[];
    columns: string[];
    rows: unknown[][];
    text: string; // of one query that asks for the same
    from: number;
    to: number;
}

export function AnalyticsView(): JSX.Element {
    const templates = useTemplates();
    const groups = useEntities<Group>('/deviceGroups');
    const [template, setTemplate] = useState('');
    const [source, setSource] = useState('*'); // *: all; =ID: a group; otherwise a device
    const [names, setNames] = useState<string[]>([]);
    const [aggregate, setAggregate] = useState('AVG');
    const [seconds, setSeconds] = useState('3600');
    const [step, setStep] = useState('');
    const [split, setSplit] = useState(false);
    const [devices, setDevices] = useState<Device[]>([]);
    const [result, setResult] = useState<Result>();
    const [error, setError] = useState<Error>();
    const [busy, setBusy] = useState(false);

    const own = templates.get(template);
    const choices = own === undefined ? [] : capabilitiesOf(own).filter((one) => one.kind === 'Telemetry' && (aggregate === 'COUNT' || isNumeric(one.schema)));
    const windowMs = Number(seconds) * 1000;
    const usual = STEPS.find((one) => windowMs / 1000 / one <= 60) ?? 86400; // about 50 buckets
    const bucketMs = (step === '' ? usual : Number(step)) * 1000;

    const choose = async (value: string): Promise<void> => {
        setTemplate(value);
        setNames([]);
        setSource('*');
        setDevices((await all<Device>('/devices')).filter((one) => one.template === value));
    };
    const run = async (event: Event): Promise<void> => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        try {
            setResult(await analyse());
        } catch (failed) {
            setError(failed as Error);
        }
        setBusy(false);
    };
    const members = async (): Promise<(string | undefined)[]> => {
        if (source.startsWith('=')) return (await groupDevices(source.slice(1))).filter((one) => one.template === template).map((one) => one.id);
        if (source !== '*') return [source];
        return split ? devices.map((one) => one.id) : [undefined];
    };
    const analyse = async (): Promise<Result> => {
        if (names.length === 0) throw new Error('Choose what to look at.');
        const chosen = choices.filter((one) => names.includes(keyOf(one)));
        const to = Date.now();
        const series: Series[] = [];
        const table = new Map<number, unknown[]>();
        const columns: string[] = [];
        const asked = (await members()).slice(0, MAX_SPLIT);
        for (const device of asked) {
            const ask: Ask = { template, names, windowMs, bucketMs, aggregate };
            if (device !== undefined) ask.deviceId = device;
            const rows = await rowsOf(ask);
            for (const one of chosen) add(one, device, rows);
        }
        function add(one: Capability, device: string | undefined, rows: Record<string, unknown>[]): void {
            const label = (device === undefined ? '' : `${device} `) + one.displayName;
            const points = pointsOf(rows, keyOf(one));
            series.push({ label, unit: NUMERIC_ONLY.has(aggregate) ? one.unit : '', points, range: aggregate === 'SUM' || aggregate === 'COUNT' ? undefined : wholeRange(one) });
            const at = columns.push(`${aggregate.toLowerCase()} ${label}`) - 1;
            for (const [time, value] of points) {
                const row = table.get(time) ?? [];
                row[at] = value;
                table.set(time, row);
            }
        }
        const rows = [...table.entries()].sort(([a], [b]) => a - b).map(([time, values]) => [new Date(time).toISOString(), ...columns.map((_, i) => values[i])]);
        const text = textOf({ template, names, windowMs, bucketMs, aggregate }, source === '*' ? [] : asked.flatMap((one) => one ?? []), asked[0] !== undefined && asked.length > 1);
        return { series, columns: ['time', ...columns], rows, text, from: to - windowMs, to };
    };
    return (
        <Page title="Analytics" lead="What devices sent, over time and side by side.">
            <div class="analytics">
                <Card>
                    <form onSubmit={(event) => void run(event)}>
                        <SelectField label="Template" required value={template} onInput={(value) => void choose(value)} options={[['', 'Choose…'], ...[...templates.values()].map((one): [string, string] => [one['@id'], templateName(one)])]} />
                        {own !== undefined && (
                            <>
                                <SelectField
                                    label="Devices"
                                    value={source}
                                    onInput={setSource}
                                    options={[
                                        ['*', 'All of the template'],
                                        ...(groups.data ?? []).map((one): [string, string] => [`=${one.id}`, `Group: ${one.displayName ?? one.id}`]),
                                        ...devices.map((one): [string, string] => [one.id, deviceLabel(one)]),
                                    ]}
                                />
                                {source === '*' && devices.length > 1 && (
                                    <label class="check">
                                        <input type="checkbox" checked={split} onInput={(event) => setSplit(event.currentTarget.checked)} />
                                        <span>A line for each device</span>
                                    </label>
                                )}
                                <Choices label="Telemetry" of={choices} chosen={names} onChange={setNames} />
                                <SelectField label="Aggregate" value={aggregate} onInput={setAggregate} options={AGGREGATES} />
                                <SelectField label="Time" value={seconds} onInput={(value) => (setSeconds(value), setStep(''))} options={WINDOWS} />
                                <SelectField
                                    label="Interval"
                                    value={step}
                                    onInput={setStep}
                                    options={[['', `Fitting (${name(usual)})`], ...STEPS.filter((one) => windowMs / 1000 / one <= 1500 && one < windowMs / 1000).map((one): [string, string] => [String(one), name(one)])]}
                                />
                            </>
                        )}
                        <button class="primary wide" disabled={busy || own === undefined}>
                            {busy ? 'Asking…' : 'Show'}
                        </button>
                    </form>
                </Card>
                <div class="answer-side" aria-live="polite">
                    <Problem error={error} />
                    {result === undefined ? <Empty title="Choose a template and what to look at">Then the chart and the numbers appear here.</Empty> : <Shown result={result} />}
                </div>
            </div>
            <SavedQueries />
        </Page>
    );
}

const name = (seconds: number): string => isoDuration(seconds * 1000).replace(/^PT?/, '').replace(/(\d+)(\w)/, (_, n: string, unit: string) => `${n} ${{ M: 'min', H: 'h', D: 'd' }[unit] ?? unit}`);

function Shown({ result }: { result: Result }): JSX.Element {
    const [saving, setSaving] = useState(false);
    const units = [...new Set(result.series.map((one) => one.unit))];
    if (result.rows.length === 0) return <Empty title="Nothing was sent in that time">Try a longer time, or other devices.</Empty>;
    return (
        <>
            {units.map((unit) => (
                <Card>
                    <Chart series={result.series.filter((one) => one.unit === unit)} height={280} label="Analytics" from={result.from} to={result.to} />
                </Card>
            ))}
            <Card
                title={result.rows.length === 1 ? '1 row' : `${result.rows.length} rows`}
                class="spaced"
                actions={
                    <div class="row-actions">
                        {mayKeepQueries() && <button onClick={() => setSaving(true)}>Save query</button>}
                        <button onClick={() => download('telemetry.csv', 'text/csv', csv(result.columns, result.rows))}>Export CSV</button>
                    </div>
                }
            >
                <Table
                    label="Values"
                    keep
                    rows={[...result.rows].reverse().slice(0, 50)}
                    keyOf={(row) => String(row[0])}
                    columns={result.columns.map((column, i) => ({
                        name: i === 0 ? 'Time' : column,
                        class: i === 0 ? '' : 'num',
                        cell: (row: unknown[]) => (i === 0 ? when(String(row[0])) : typeof row[i] === 'number' ? quantity(row[i], result.series[i - 1]?.unit ?? '') : '–'),
                    }))}
                />
            </Card>
            {saving && <QueryForm text={result.text} onClose={() => setSaving(false)} onDone={(saved) => (location.hash = `#/analytics/${encodeURIComponent(saved.id)}`)} />}
        </>
    );
}
