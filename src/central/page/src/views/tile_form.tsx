// The form of a tile: its kind, and what it shows.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { isNumeric, keyOf, type Capability } from '../model';
import { Field, FormDialog, SelectField, TextField, useAction, type Children } from '../ui';
import { COLUMNS, type Tile, type TileConfiguration } from './tile_grid';
import { isCharted, isImage } from './tiles';

export const KINDS: [string, string][] = [
    ['lineChart', 'Line chart'],
    ['barChart', 'Bar chart'],
    ['pieChart', 'Pie chart: shares of a sum'],
    ['heatMapChart', 'Heat map: time by device'],
    ['lkv', 'Last value, with its trend'],
    ['kpi', 'KPI: one number over a time'],
    ['stateHistoryChart', 'State history: when it changed'],
    ['eventHistoryChart', 'Event history: each value'],
    ['property', 'Property'],
    ['mapTelemetry', 'Place, as coordinates'],
    ['deviceCount', 'Number of devices'],
    ['dataExplorer', 'Saved query'],
    ['command', 'Command'],
    ['markdown', 'Text (Markdown)'],
    ['label', 'Label'],
    ['image', 'Picture'],
];
const ALONE = new Set(['markdown', 'label', 'image', 'deviceCount', 'dataExplorer']); // of no device
const TIMED = new Set(['lineChart', 'barChart', 'pieChart', 'heatMapChart', 'kpi', 'stateHistoryChart', 'eventHistoryChart']);
const AGGREGATED = new Set(['lineChart', 'barChart', 'pieChart', 'heatMapChart', 'kpi']);
const MOST_IMAGE = 100000; // bytes: what holds a tile holds its picture
const AGGREGATES: [string, string][] = [['avg', 'Average'], ['min', 'Minimum'], ['max', 'Maximum'], ['sum', 'Sum'], ['count', 'Count']];
const DURATIONS: [string, string, string][] = [['PT30M', 'PT1M', '30 minutes'], ['PT1H', 'PT1M', '1 hour'], ['PT12H', 'PT10M', '12 hours'], ['P1D', 'PT30M', '1 day'], ['P1W', 'PT12H', '1 week'], ['P30D', 'P1D', '30 days']];
const SIZES: Record<string, [number, number]> = {
    lineChart: [3, 2], barChart: [3, 2], heatMapChart: [3, 2], dataExplorer: [3, 2], pieChart: [2, 2], markdown: [2, 1], command: [2, 2], property: [2, 1], label: [2, 1], image: [1, 1], stateHistoryChart: [2, 2], eventHistoryChart: [2, 2], mapTelemetry: [2, 1],
};
const COUNTS: [string, string][] = Array.from({ length: 6 }, (_, i) => [String(i + 1), String(i + 1)]);

/** What a kind of tile can show. */
function suits(kind: string, one: Capability): boolean {
    if (kind === 'property') return one.kind === 'Property';
    if (one.kind !== 'Telemetry') return false;
    if (kind === 'pieChart' || kind === 'kpi') return isNumeric(one.schema);
    if (kind === 'lineChart' || kind === 'barChart' || kind === 'heatMapChart') return isCharted(one);
    return kind !== 'mapTelemetry' || !isCharted(one);
}

type Shown = NonNullable<TileConfiguration['capabilities']>[number];

interface TileFormProps {
    tile: Tile | undefined;
    kinds: [value: string, text: string][];
    capabilities: Capability[] | undefined; // to choose from; undefined: not known yet
    /** Says whose values are shown. */
    bind: (of: TileConfiguration) => Promise<TileConfiguration>;
    suggest?: (kind: string) => string | undefined;
    mostImage?: number; // bytes
    size?: [width: number, height: number]; // of a new tile, whatever its kind
    /** Asks for that, above the choice of what is shown; `reset` forgets the choice. */
    children?: (kind: string, reset: () => void) => Children;
    onClose: () => void;
    onDone: (tile: Tile) => Promise<void>;
}

interface Chosen {
    kind: string;
    names: string[];
    aggregate: string;
    duration: string;
    text: string;
    command: string;
    image: string;
}

const aggregateIn = (of: TileConfiguration | undefined): string => of?.capabilities?.[0]?.aggregateFunction ?? 'avg';
const durationIn = (of: TileConfiguration | undefined): string => of?.queryRange?.duration ?? 'PT30M';

/** What the form does not ask for, and what nobody changed in it, stays as it was: programs make tiles, too. */
export function configurationOf({ kind, names, aggregate, duration, text, command, image }: Chosen, old: TileConfiguration | undefined): TileConfiguration {
    const kept = old?.type === kind ? old : undefined;
    if (kind === 'markdown') return { ...kept, type: kind, description: text };
    if (kind === 'label') return { textSize: 24, wordWrap: true, ...kept, type: kind, text };
    if (kind === 'image') return { ...kept, type: kind, image };
    if (kind === 'deviceCount' || kind === 'dataExplorer') return { ...kept, type: kind };
    if (kind === 'command') return { ...kept, type: kind, command };
    const before = (name: string): Shown | undefined => (aggregate === aggregateIn(kept) ? kept?.capabilities?.find((one) => one.capability === name) : undefined);
    const chosen = names.map((capability): Shown => before(capability) ?? (AGGREGATED.has(kind) ? { capability, aggregateFunction: aggregate } : { capability }));
    const timed = { type: 'time', duration, resolution: DURATIONS.find(([value]) => value === duration)?.[1] ?? 'PT5M' };
    return {
        ...(kind === 'lineChart' || kind === 'barChart' ? { format: { xAxisEnabled: true, yAxisEnabled: true, legendEnabled: true } } : {}),
        ...kept,
        type: kind,
        capabilities: kind === 'kpi' ? chosen.slice(0, 1) : chosen,
        ...(TIMED.has(kind) ? { queryRange: (duration === durationIn(kept) ? kept?.queryRange : undefined) ?? timed } : {}),
    };
}

export const isOfDevice = (kind: string): boolean => !ALONE.has(kind);

export function TileForm(props: TileFormProps): JSX.Element {
    const old = props.tile?.configuration;
    const [, act] = useAction();
    const [name, setName] = useState(props.tile?.displayName ?? '');
    const [kind, setKind] = useState(old?.type ?? props.kinds[0]?.[0] ?? '');
    const [names, setNames] = useState<string[]>((old?.capabilities ?? []).map((one) => one.capability));
    const [aggregate, setAggregate] = useState(aggregateIn(old));
    const [duration, setDuration] = useState(durationIn(old));
    const [text, setText] = useState(old?.description ?? old?.text ?? '');
    const [command, setCommand] = useState(old?.command ?? '');
    const [image, setImage] = useState(old?.image ?? '');
    const [size, setSize] = useState({ width: props.tile?.width, height: props.tile?.height });

    const capabilities = props.capabilities ?? [];
    const choices = capabilities.filter((one) => suits(kind, one));
    const commands = capabilities.filter((one) => one.kind === 'Command');
    const known = isOfDevice(kind) && props.capabilities !== undefined;
    const reset = (): void => (setNames([]), setCommand(''));

    const choosePicture = async (file: File | undefined): Promise<void> => {
        if (file === undefined) return;
        const most = props.mostImage ?? MOST_IMAGE;
        if (file.size > most) throw new Error(`A picture has ${most / 1000} KB at most here; this one has ${Math.ceil(file.size / 1000)}.`);
        setImage(await dataUrl(file));
    };
    const save = async (): Promise<void> => {
        if (isOfDevice(kind) && kind !== 'command' && names.length === 0) throw new Error('Choose what to show.');
        if (kind === 'image' && !isImage(image)) throw new Error('Choose a picture.');
        const [width, height] = props.size ?? SIZES[kind] ?? [1, 1];
        const fresh = props.tile === undefined || props.tile.configuration.type !== kind;
        const title = name !== '' ? name : suggested();
        await props.onDone({ ...props.tile, displayName: title, x: 0, y: 0, width: fresh ? width : (size.width ?? width), height: fresh ? height : (size.height ?? height), configuration: await props.bind(configurationOf({ kind, names, aggregate, duration, text, command, image }, old)) });
    };
    const suggested = (): string => {
        if (kind === 'markdown' || kind === 'label') return 'Note';
        if (kind === 'image') return 'Picture';
        const said = props.suggest?.(kind);
        if (said !== undefined) return said;
        const shown = (kind === 'command' ? [command] : names).flatMap((name) => capabilities.find((one) => keyOf(one) === name)?.displayName ?? []);
        return shown.length > 0 ? shown.join(', ') : 'Tile';
    };
    return (
        <FormDialog title={props.tile === undefined ? 'Add tile' : 'Edit tile'} submit="Save" onClose={props.onClose} onSubmit={save}>
            <SelectField label="Kind" value={kind} onInput={(value) => (setKind(value), setNames([]))} options={props.kinds} />
            {kind === 'markdown' && <TextField label="Text" required rows={6} value={text} onInput={setText} hint="# heading, **bold**, *italic*, `code`, - list, [link](https://…)" />}
            {kind === 'label' && <TextField label="Text" required value={text} onInput={setText} />}
            {kind === 'image' && (
                <Field label="File" hint="PNG, JPEG, GIF, WebP or SVG. The tile keeps the picture itself.">
                    {(own, hint) => <input id={own} aria-describedby={hint} type="file" accept="image/*" onChange={(event) => void act(() => choosePicture(event.currentTarget.files?.[0]))} />}
                </Field>
            )}
            {kind === 'image' && isImage(image) && <img class="picture preview" src={image} alt="The picture" />}
            {props.children?.(kind, reset)}
            {kind === 'command' && known && (
                <SelectField label="Command" required value={command} onInput={setCommand} options={[['', 'Choose…'], ...commands.map((one): [string, string] => [keyOf(one), one.displayName])]} />
            )}
            {kind !== 'command' && known && <Choices label={kind === 'property' ? 'Properties' : 'Telemetry'} of={choices} chosen={names} onChange={setNames} one={kind === 'kpi'} />}
            {TIMED.has(kind) && (
                <div class="form-row">
                    {AGGREGATED.has(kind) && <SelectField label="Aggregate" value={aggregate} onInput={setAggregate} options={AGGREGATES} />}
                    <SelectField label="Over" value={duration} onInput={setDuration} options={DURATIONS.map(([value, , name]) => [value, name])} />
                </div>
            )}
            <TextField label="Title" value={name} onInput={setName} placeholder={suggested()} />
            {props.tile !== undefined && props.tile.configuration.type === kind && (
                <div class="form-row">
                    <SelectField label="Width" value={String(Math.min(COLUMNS, size.width ?? 1))} onInput={(value) => setSize({ ...size, width: Number(value) })} options={COUNTS} />
                    <SelectField label="Height" value={String(Math.min(6, size.height ?? 1))} onInput={(value) => setSize({ ...size, height: Number(value) })} options={COUNTS} />
                </div>
            )}
        </FormDialog>
    );
}

const dataUrl = (file: File): Promise<string> =>
    new Promise((done, fail) => {
        const reader = new FileReader();
        reader.onload = () => done(String(reader.result));
        reader.onerror = () => fail(new Error('The file cannot be read.'));
        reader.readAsDataURL(file);
    });

export function Choices(props: { label: string; of: Capability[]; chosen: string[]; onChange: (names: string[]) => void; one?: boolean }): JSX.Element {
    return (
        <fieldset class="field choices">
            <legend>{props.label}</legend>
            {props.of.map((one) => {
                const key = keyOf(one);
                const on = props.chosen.includes(key);
                return (
                    <label class="check">
                        <input
                            type={props.one === true ? 'radio' : 'checkbox'}
                            name="choices"
                            checked={on}
                            onInput={() => props.onChange(props.one === true ? [key] : on ? props.chosen.filter((name) => name !== key) : [...props.chosen, key])}
                        />
                        <span>
                            {one.displayName} {one.component !== '' && <span class="dim">{one.component}</span>}
                        </span>
                    </label>
                );
            })}
            {props.of.length === 0 && <p class="dim">The template has none.</p>}
        </fieldset>
    );
}
