// Dashboards: tiles that anyone can put together, kept by the service.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { deviceLabel, get, id, may, put, remove, type Device } from '../api';
import { capabilitiesOf, isNumeric, keyOf, type Capability } from '../model';
import { Confirm, Empty, Field, FormDialog, Icon, Loaded, Page, SelectField, TextField, useAction, useResource, useSay } from '../ui';
import { EntityList, freshId, NewButton, useEntities, type Entity } from './entities';
import { useTemplates } from './devices';
import { filterOf, groupDevices, type Group } from './groups';
import { isCharted, isImage, Streamed, TileBody } from './tiles';

export interface Tile {
    id?: string;
    displayName: string;
    x: number;
    y: number;
    width: number;
    height: number;
    configuration: TileConfiguration;
}

export interface TileConfiguration {
    type: string;
    group?: string;
    devices?: string[];
    capabilities?: { capability: string; aggregateFunction?: string }[];
    queryRange?: { type: string; duration?: string; resolution?: string; count?: number };
    description?: string;
    text?: string;
    command?: string;
    device?: string;
    textSize?: number;
    image?: string;
    href?: string;
    sourceUrl?: string;
    [other: string]: unknown;
}

export interface Dashboard extends Entity {
    favorite?: boolean;
    personal?: boolean;
    organizations?: string[];
    tiles?: Tile[];
}

export const COLUMNS = 6;
const ARROWS: Record<string, [x: number, y: number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function DashboardsView(): JSX.Element {
    const list = useEntities<Dashboard>('/dashboards');
    const [making, setMaking] = useState(false);
    const [name, setName] = useState('');
    const make = async (): Promise<void> => {
        const own = `dtmi:spoke:${freshId('dashboard').replace('-', '')};1`;
        await put(`/dashboards/${id(own)}`, { displayName: name, tiles: [] });
        location.hash = `#/dashboards/${id(own)}/edit`;
    };
    return (
        <Page title="Dashboards" lead="What you look at every day, on one page." actions={<NewButton what="dashboard" right="dashboard.write" onClick={() => setMaking(true)} />}>
            <EntityList
                path="/dashboards"
                what="dashboard"
                list={list}
                empty={<p>Put charts, values and commands of several devices side by side.</p>}
                add={() => setMaking(true)}
                right="dashboard.write"
                columns={[
                    {
                        name: 'Dashboard',
                        class: 'main',
                        cell: (one) => (
                            <a class="strong" href={`#/dashboards/${id(one.id)}`}>
                                {one.displayName ?? one.id}
                            </a>
                        ),
                    },
                    { name: 'Tiles', class: 'num', cell: (one) => one.tiles?.length ?? 0 },
                ]}
            />
            {making && (
                <FormDialog title="New dashboard" submit="Create" onClose={() => setMaking(false)} onSubmit={make}>
                    <TextField label="Name" required autofocus value={name} onInput={setName} />
                </FormDialog>
            )}
        </Page>
    );
}

/** Places tiles from left to right, a row as high as its highest. */
export function pack(tiles: Tile[]): Tile[] {
    let x = 0;
    let y = 0;
    let high = 0;
    return tiles.map((tile) => {
        const width = Math.min(tile.width, COLUMNS);
        if (x + width > COLUMNS) {
            x = 0;
            y = Math.min(100, y + high);
            high = 0;
        }
        const placed = { ...tile, x, y };
        x += width;
        high = Math.max(high, tile.height);
        return placed;
    });
}

const inOrder = (tiles: Tile[]): Tile[] => [...tiles].sort((a, b) => a.y - b.y || a.x - b.x);

export function DashboardView({ dashboardId, editing }: { dashboardId: string; editing: boolean }): JSX.Element {
    const dashboard = useResource(() => get<Dashboard>(`/dashboards/${id(dashboardId)}`), [dashboardId]);
    const [adding, setAdding] = useState<number | 'new'>();
    const [deleting, setDeleting] = useState(false);
    const [busy, act] = useAction();
    const { data } = dashboard;
    const tiles = inOrder(data?.tiles ?? []);
    const save = async (next: Tile[]): Promise<void> => {
        if (data === undefined) return;
        const { id: _, ...rest } = data;
        dashboard.set(await put<Dashboard>(`/dashboards/${id(dashboardId)}`, { ...rest, tiles: pack(next) }));
    };
    const change = (next: Tile[]): void => void act(() => save(next));
    const [dragged, setDragged] = useState<number>();
    const say = useSay();
    const move = (at: number, to: number): void => {
        const next = [...tiles];
        const [tile] = next.splice(at, 1);
        if (tile === undefined || to < 0 || to > next.length) return;
        next.splice(to, 0, tile);
        void act(() => save(next)).then((done) => done && say(`${tile.displayName} is number ${to + 1} of ${tiles.length}.`));
    };
    const resize = (at: number, width: number, height: number): void =>
        change(tiles.map((tile, i) => (i === at ? { ...tile, width: Math.max(1, Math.min(COLUMNS, width)), height: Math.max(1, Math.min(6, height)) } : tile)));
    /** With the tile's handle in focus: arrows move it, with Shift they change its size. */
    const onKey = (event: KeyboardEvent, at: number, tile: Tile): void => {
        const [x, y] = ARROWS[event.key] ?? [0, 0];
        if (x === 0 && y === 0) return;
        event.preventDefault();
        if (event.shiftKey) resize(at, tile.width + x, tile.height + y);
        else move(at, at + x + y);
    };
    const drop = (to: number): void => {
        if (dragged !== undefined && dragged !== to) move(dragged, to);
        setDragged(undefined);
    };
    return (
        <Page
            title={data?.displayName ?? 'Dashboard'}
            back={{ href: '#/dashboards', text: 'Dashboards' }}
            actions={
                data !== undefined &&
                may('dashboard.write') &&
                (editing ? (
                    <>
                        <button class="primary" onClick={() => setAdding('new')}>
                            <Icon name="plus" /> Add tile
                        </button>
                        <a class="button" href={`#/dashboards/${id(dashboardId)}`}>
                            Done
                        </a>
                    </>
                ) : (
                    <>
                        <a class="button" href={`#/dashboards/${id(dashboardId)}/edit`}>
                            Edit
                        </a>
                        <button onClick={() => setDeleting(true)}>Delete</button>
                    </>
                ))
            }
        >
            <Loaded of={dashboard}>
                {() =>
                    tiles.length === 0 ? (
                        <Empty title="No tiles yet">
                            <p>A tile shows a chart, a value, a number of devices, a text, or a button that runs a command.</p>
                            {editing ? <button onClick={() => setAdding('new')}>Add tile</button> : <a href={`#/dashboards/${id(dashboardId)}/edit`}>Edit this dashboard</a>}
                        </Empty>
                    ) : (
                        <Streamed tiles={tiles}>
                            {editing && <p class="dim toolbar">Drag a tile by its name, or focus its handle: the arrow keys move it, with Shift they change its size.</p>}
                            <div class={editing ? 'tiles editing' : 'tiles'}>
                                {tiles.map((tile, i) => (
                                    <section
                                        key={tile.id ?? `${i} ${tile.displayName}`}
                                        class={`card tile w${Math.min(tile.width, COLUMNS)} h${Math.min(tile.height, 6)}${dragged === i ? ' dragged' : ''}`}
                                        aria-label={tile.displayName}
                                        tabIndex={0}
                                        onDragOver={(event) => dragged !== undefined && event.preventDefault()}
                                        onDrop={(event) => (event.preventDefault(), drop(i))}
                                    >
                                        <div class="card-head" draggable={editing} onDragStart={(event) => (event.dataTransfer?.setData('text/plain', tile.displayName), setDragged(i))} onDragEnd={() => setDragged(undefined)}>
                                            <h2>{tile.displayName}</h2>
                                            {editing && (
                                                <div class="tile-tools">
                                                    <button class="small handle" aria-label={`Move ${tile.displayName}`} title="Arrow keys move, Shift and arrow keys change the size" disabled={busy && dragged !== undefined} onKeyDown={(event) => onKey(event, i, tile)}>
                                                        <Icon name="move" />
                                                    </button>
                                                    <button class="small" disabled={busy} onClick={() => setAdding(i)} aria-label={`Edit ${tile.displayName}`}>
                                                        <Icon name="edit" />
                                                    </button>
                                                    <button class="small" disabled={busy} onClick={() => change(tiles.filter((_, at) => at !== i))} aria-label={`Remove ${tile.displayName}`}>
                                                        <Icon name="close" />
                                                    </button>
                                                </div>
                                            )}
                                        </div>
                                        <TileBody of={tile.configuration} tall={Math.min(tile.height, 6)} />
                                    </section>
                                ))}
                            </div>
                        </Streamed>
                    )
                }
            </Loaded>
            {adding !== undefined && (
                <TileForm
                    tile={adding === 'new' ? undefined : tiles[adding]}
                    onClose={() => setAdding(undefined)}
                    onDone={(tile) => save(adding === 'new' ? [...tiles, tile] : tiles.map((one, i) => (i === adding ? tile : one)))}
                />
            )}
            {deleting && (
                <Confirm
                    title="Delete dashboard"
                    text={<>Delete <b>{data?.displayName}</b>?</>}
                    submit="Delete"
                    onClose={() => setDeleting(false)}
                    onSubmit={async () => {
                        await remove(`/dashboards/${id(dashboardId)}`);
                        location.hash = '#/dashboards';
                    }}
                />
            )}
        </Page>
    );
}

const KINDS: [string, string][] = [
    ['lineChart', 'Line chart'],
    ['barChart', 'Bar chart'],
    ['pieChart', 'Pie chart: shares of a sum'],
    ['lkv', 'Last value, with its trend'],
    ['kpi', 'KPI: one number over a time'],
    ['stateHistoryChart', 'State history: when it changed'],
    ['eventHistoryChart', 'Event history: each value'],
    ['property', 'Property'],
    ['mapTelemetry', 'Place, as coordinates'],
    ['deviceCount', 'Number of devices'],
    ['command', 'Command'],
    ['markdown', 'Text (Markdown)'],
    ['label', 'Label'],
    ['image', 'Picture'],
];
const ALONE = new Set(['markdown', 'label', 'image', 'deviceCount']); // of no device
const TIMED = new Set(['lineChart', 'barChart', 'pieChart', 'kpi', 'stateHistoryChart', 'eventHistoryChart']);
const AGGREGATED = new Set(['lineChart', 'barChart', 'pieChart', 'kpi']);
const MOST_IMAGE = 100000; // bytes: a dashboard holds its pictures itself
const AGGREGATES: [string, string][] = [['avg', 'Average'], ['min', 'Minimum'], ['max', 'Maximum'], ['sum', 'Sum'], ['count', 'Count']];
const DURATIONS: [string, string, string][] = [['PT30M', 'PT1M', '30 minutes'], ['PT1H', 'PT1M', '1 hour'], ['PT12H', 'PT10M', '12 hours'], ['P1D', 'PT30M', '1 day'], ['P1W', 'PT12H', '1 week'], ['P30D', 'P1D', '30 days']];
const SIZES: Record<string, [number, number]> = {
    lineChart: [3, 2], barChart: [3, 2], pieChart: [2, 2], markdown: [2, 1], command: [2, 2], property: [2, 1], label: [2, 1], image: [1, 1], stateHistoryChart: [2, 2], eventHistoryChart: [2, 2], mapTelemetry: [2, 1],
};
const COUNTS: [string, string][] = Array.from({ length: 6 }, (_, i) => [String(i + 1), String(i + 1)]);

/** What a kind of tile can show. */
function suits(kind: string, one: Capability): boolean {
    if (kind === 'property') return one.kind === 'Property';
    if (one.kind !== 'Telemetry') return false;
    if (kind === 'pieChart' || kind === 'kpi') return isNumeric(one.schema);
    if (kind === 'lineChart' || kind === 'barChart') return isCharted(one);
    return kind !== 'mapTelemetry' || !isCharted(one);
}

function TileForm(props: { tile: Tile | undefined; onClose: () => void; onDone: (tile: Tile) => Promise<void> }): JSX.Element {
    const old = props.tile?.configuration;
    const templates = useTemplates();
    const groups = useEntities<Group>('/deviceGroups');
    const devices = useResource(() => get<{ value: Device[] }>('/devices', { maxpagesize: '100' }), []);
    const [, act] = useAction();
    const [name, setName] = useState(props.tile?.displayName ?? '');
    const [kind, setKind] = useState(old?.type ?? 'lineChart');
    const [group, setGroup] = useState(old?.group ?? '');
    const [device, setDevice] = useState(old?.devices?.[0] ?? old?.device ?? (old?.devices !== undefined && old.group !== undefined ? `=${old.group}` : ''));
    const [names, setNames] = useState<string[]>((old?.capabilities ?? []).map((one) => one.capability));
    const [aggregate, setAggregate] = useState(old?.capabilities?.[0]?.aggregateFunction ?? 'avg');
    const [duration, setDuration] = useState(old?.queryRange?.duration ?? 'PT30M');
    const [text, setText] = useState(old?.description ?? old?.text ?? '');
    const [command, setCommand] = useState(old?.command ?? '');
    const [image, setImage] = useState(old?.image ?? '');
    const [size, setSize] = useState({ width: props.tile?.width, height: props.tile?.height });
    const everyOf = device.startsWith('=') ? device.slice(1) : undefined; // all devices of a group
    const members = useResource(async () => (everyOf === undefined ? [] : await groupDevices(everyOf)), [everyOf]);

    const list = devices.data?.value ?? [];
    const own = everyOf === undefined ? list.find((one) => one.id === device) : members.data?.find((one) => one.template !== undefined);
    const template = own?.template === undefined ? undefined : templates.get(own.template);
    const capabilities = template === undefined ? [] : capabilitiesOf(template);
    const choices = capabilities.filter((one) => suits(kind, one));
    const commands = capabilities.filter((one) => one.kind === 'Command');
    const forDevice = !ALONE.has(kind);

    /** The API wants a group: the one of the device's template, made when there is none. */
    const groupFor = async (): Promise<string> => {
        if (everyOf !== undefined) return everyOf;
        if (group !== '' && kind === old?.type) return group;
        const filter = filterOf(own?.template ?? '');
        const found = (groups.data ?? []).find((one) => one.filter === filter);
        if (found !== undefined) return found.id;
        const made = freshId('group');
        await put(`/deviceGroups/${id(made)}`, { displayName: `All of ${own?.template ?? ''}`.slice(0, 120), filter });
        return made;
    };
    const configure = async (): Promise<TileConfiguration> => {
        const range = DURATIONS.find(([value]) => value === duration);
        const timed = { type: 'time', duration, resolution: range?.[1] ?? 'PT5M' };
        const chosen = names.map((capability) => (AGGREGATED.has(kind) ? { capability, aggregateFunction: aggregate } : { capability }));
        if (kind === 'markdown') return { type: kind, description: text };
        if (kind === 'label') return { type: kind, text, textSize: 24, wordWrap: true };
        if (kind === 'image') return { type: kind, image };
        if (kind === 'deviceCount') return { type: kind, group };
        if (kind === 'command') return { type: kind, group: await groupFor(), command, device };
        return {
            type: kind,
            group: await groupFor(),
            devices: everyOf === undefined ? [device] : [],
            capabilities: kind === 'kpi' ? chosen.slice(0, 1) : chosen,
            ...(TIMED.has(kind) ? { queryRange: timed } : {}),
            ...(kind === 'lineChart' || kind === 'barChart' ? { format: { xAxisEnabled: true, yAxisEnabled: true, legendEnabled: true } } : {}),
        };
    };
    const choosePicture = async (file: File | undefined): Promise<void> => {
        if (file === undefined) return;
        if (file.size > MOST_IMAGE) throw new Error(`A picture of a dashboard has ${MOST_IMAGE / 1000} KB at most; this one has ${Math.ceil(file.size / 1000)}.`);
        setImage(await dataUrl(file));
    };
    const save = async (): Promise<void> => {
        if (forDevice && kind !== 'command' && names.length === 0) throw new Error('Choose what to show.');
        if (kind === 'image' && !isImage(image)) throw new Error('Choose a picture.');
        const [width, height] = SIZES[kind] ?? [1, 1];
        const fresh = props.tile === undefined || props.tile.configuration.type !== kind;
        const title = name !== '' ? name : suggested();
        await props.onDone({ ...props.tile, displayName: title, x: 0, y: 0, width: fresh ? width : (size.width ?? width), height: fresh ? height : (size.height ?? height), configuration: await configure() });
    };
    const suggested = (): string => {
        if (kind === 'markdown' || kind === 'label') return 'Note';
        if (kind === 'image') return 'Picture';
        if (kind === 'deviceCount') return groups.data?.find((one) => one.id === group)?.displayName ?? 'Devices';
        const shown = (kind === 'command' ? [command] : names).flatMap((name) => capabilities.find((one) => keyOf(one) === name)?.displayName ?? []);
        return shown.length > 0 ? shown.join(', ') : 'Tile';
    };
    return (
        <FormDialog title={props.tile === undefined ? 'Add tile' : 'Edit tile'} submit="Save" onClose={props.onClose} onSubmit={save}>
            <SelectField label="Kind" value={kind} onInput={(value) => (setKind(value), setNames([]))} options={KINDS} />
            {kind === 'markdown' && <TextField label="Text" required rows={6} value={text} onInput={setText} hint="# heading, **bold**, *italic*, `code`, - list, [link](https://…)" />}
            {kind === 'label' && <TextField label="Text" required value={text} onInput={setText} />}
            {kind === 'image' && (
                <Field label="File" hint="PNG, JPEG, GIF, WebP or SVG. The dashboard keeps the picture itself.">
                    {(own, hint) => <input id={own} aria-describedby={hint} type="file" accept="image/*" onChange={(event) => void act(() => choosePicture(event.currentTarget.files?.[0]))} />}
                </Field>
            )}
            {kind === 'image' && isImage(image) && <img class="picture preview" src={image} alt="The picture" />}
            {kind === 'deviceCount' && (
                <SelectField label="Device group" required value={group} onInput={setGroup} options={[['', 'Choose…'], ...(groups.data ?? []).map((one): [string, string] => [one.id, one.displayName ?? one.id])]} hint={groups.data?.length === 0 ? 'Make a device group first.' : undefined} />
            )}
            {forDevice && (
                <SelectField
                    label="Device"
                    required
                    value={device}
                    onInput={(value) => (setDevice(value), setNames([]), setCommand(''))}
                    options={[
                        ['', 'Choose…'],
                        ...list.filter((one) => one.template !== undefined).map((one): [string, string] => [one.id, deviceLabel(one)]),
                        ...(kind === 'command' ? [] : (groups.data ?? []).map((one): [string, string] => [`=${one.id}`, `All of ${one.displayName ?? one.id} (ten at most)`])),
                    ]}
                />
            )}
            {kind === 'command' && template !== undefined && (
                <SelectField label="Command" required value={command} onInput={setCommand} options={[['', 'Choose…'], ...commands.map((one): [string, string] => [keyOf(one), one.displayName])]} />
            )}
            {forDevice && kind !== 'command' && template !== undefined && <Choices label={kind === 'property' ? 'Properties' : 'Telemetry'} of={choices} chosen={names} onChange={setNames} one={kind === 'kpi'} />}
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
