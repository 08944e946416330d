// Dashboards: tiles that anyone can put together, kept by the service.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { get, id, may, put, remove, type Device } from '../api';
import { capabilitiesOf, keyOf, type Capability } from '../model';
import { Confirm, Empty, FormDialog, Icon, Loaded, Page, SelectField, TextField, useAction, useResource } from '../ui';
import { EntityList, freshId, NewButton, useEntities, type Entity } from './entities';
import { useTemplates } from './devices';
import { filterOf, type Group } from './groups';
import { TileBody } from './tiles';

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
    [other: string]: unknown;
}

export interface Dashboard extends Entity {
    favorite?: boolean;
    personal?: boolean;
    organizations?: string[];
    tiles?: Tile[];
}

export const COLUMNS = 6;

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
        <Page title="Dashboards" lead="What you look at every day, on one page." actions={may('dashboard.write') && <NewButton what="dashboard" onClick={() => setMaking(true)} />}>
            <EntityList
                path="/dashboards"
                what="dashboard"
                list={list}
                empty={<p>Put charts, values and commands of several devices side by side.</p>}
                add={() => setMaking(true)}
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
    const move = (at: number, by: number): void => {
        const next = [...tiles];
        const [tile] = next.splice(at, 1);
        if (tile !== undefined) next.splice(at + by, 0, tile);
        change(next);
    };
    const resize = (at: number, width: number, height: number): void =>
        change(tiles.map((tile, i) => (i === at ? { ...tile, width: Math.max(1, Math.min(COLUMNS, width)), height: Math.max(1, Math.min(10, height)) } : tile)));
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
                        <div class="tiles">
                            {tiles.map((tile, i) => (
                                <section class={`card tile w${Math.min(tile.width, COLUMNS)} h${Math.min(tile.height, 6)}`} aria-label={tile.displayName}>
                                    <div class="card-head">
                                        <h2>{tile.displayName}</h2>
                                        {editing && (
                                            <div class="tile-tools">
                                                <button class="small" disabled={busy || i === 0} onClick={() => move(i, -1)} aria-label={`Move ${tile.displayName} back`}>←</button>
                                                <button class="small" disabled={busy || i === tiles.length - 1} onClick={() => move(i, 1)} aria-label={`Move ${tile.displayName} on`}>→</button>
                                                <button class="small" disabled={busy || tile.width <= 1} onClick={() => resize(i, tile.width - 1, tile.height)} aria-label={`Make ${tile.displayName} narrower`}>−</button>
                                                <button class="small" disabled={busy || tile.width >= COLUMNS} onClick={() => resize(i, tile.width + 1, tile.height)} aria-label={`Make ${tile.displayName} wider`}>+</button>
                                                <button class="small" disabled={busy} onClick={() => setAdding(i)} aria-label={`Edit ${tile.displayName}`}>Edit</button>
                                                <button class="small" disabled={busy} onClick={() => change(tiles.filter((_, at) => at !== i))} aria-label={`Remove ${tile.displayName}`}>
                                                    <Icon name="close" />
                                                </button>
                                            </div>
                                        )}
                                    </div>
                                    <TileBody of={tile.configuration} tall={tile.height} />
                                </section>
                            ))}
                        </div>
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
    ['lkv', 'Last value'],
    ['kpi', 'KPI: one number over a time'],
    ['property', 'Property'],
    ['deviceCount', 'Number of devices'],
    ['command', 'Command'],
    ['markdown', 'Text (Markdown)'],
];
const AGGREGATES: [string, string][] = [['avg', 'Average'], ['min', 'Minimum'], ['max', 'Maximum'], ['sum', 'Sum'], ['count', 'Count']];
const DURATIONS: [string, string, string][] = [['PT30M', 'PT1M', '30 minutes'], ['PT1H', 'PT1M', '1 hour'], ['PT12H', 'PT10M', '12 hours'], ['P1D', 'PT30M', '1 day'], ['P1W', 'PT12H', '1 week'], ['P30D', 'P1D', '30 days']];
const SIZES: Record<string, [number, number]> = { lineChart: [3, 2], markdown: [2, 1], command: [2, 2], property: [2, 1] };

function TileForm(props: { tile: Tile | undefined; onClose: () => void; onDone: (tile: Tile) => Promise<void> }): JSX.Element {
    const old = props.tile?.configuration;
    const templates = useTemplates();
    const groups = useEntities<Group>('/deviceGroups');
    const devices = useResource(() => get<{ value: Device[] }>('/devices', { maxpagesize: '100' }), []);
    const [name, setName] = useState(props.tile?.displayName ?? '');
    const [kind, setKind] = useState(old?.type ?? 'lineChart');
    const [group, setGroup] = useState(old?.group ?? '');
    const [device, setDevice] = useState(old?.devices?.[0] ?? old?.device ?? '');
    const [names, setNames] = useState<string[]>((old?.capabilities ?? []).map((one) => one.capability));
    const [aggregate, setAggregate] = useState(old?.capabilities?.[0]?.aggregateFunction ?? 'avg');
    const [duration, setDuration] = useState(old?.queryRange?.duration ?? 'PT30M');
    const [text, setText] = useState(old?.description ?? '');
    const [command, setCommand] = useState(old?.command ?? '');

    const list = devices.data?.value ?? [];
    const own = list.find((one) => one.id === device);
    const template = own?.template === undefined ? undefined : templates.get(own.template);
    const capabilities = template === undefined ? [] : capabilitiesOf(template);
    const wanted = kind === 'property' ? 'Property' : 'Telemetry';
    const choices = capabilities.filter((one) => one.kind === wanted);
    const commands = capabilities.filter((one) => one.kind === 'Command');
    const forDevice = kind !== 'markdown' && kind !== 'deviceCount';

    /** The API wants a group: the one of the device's template, made when there is none. */
    const groupFor = async (): Promise<string> => {
        if (group !== '') return group;
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
        const chosen = names.map((capability) => (kind === 'lineChart' || kind === 'kpi' ? { capability, aggregateFunction: aggregate } : { capability }));
        switch (kind) {
            case 'markdown':
                return { type: kind, description: text };
            case 'deviceCount':
                return { type: kind, group };
            case 'command':
                return { type: kind, group: await groupFor(), command, device };
            case 'lineChart':
                return { type: kind, group: await groupFor(), devices: [device], capabilities: chosen, queryRange: timed, format: { xAxisEnabled: true, yAxisEnabled: true, legendEnabled: true } };
            case 'kpi':
                return { type: kind, group: await groupFor(), devices: [device], capabilities: chosen.slice(0, 1), queryRange: timed };
            default:
                return { type: kind, group: await groupFor(), devices: [device], capabilities: chosen };
        }
    };
    const save = async (): Promise<void> => {
        if (forDevice && kind !== 'command' && names.length === 0) throw new Error('Choose what to show.');
        const [width, height] = SIZES[kind] ?? [1, 1];
        const size = props.tile !== undefined && props.tile.configuration.type === kind ? { width: props.tile.width, height: props.tile.height } : { width, height };
        const title = name !== '' ? name : suggested();
        await props.onDone({ ...props.tile, displayName: title, x: 0, y: 0, ...size, configuration: await configure() });
    };
    const suggested = (): string => {
        if (kind === 'markdown') return 'Note';
        if (kind === 'deviceCount') return groups.data?.find((one) => one.id === group)?.displayName ?? 'Devices';
        const wanted = kind === 'command' ? [command] : names;
        const shown = wanted.flatMap((name) => capabilities.find((one) => keyOf(one) === name)?.displayName ?? []);
        return shown.length > 0 ? shown.join(', ') : 'Tile';
    };
    return (
        <FormDialog title={props.tile === undefined ? 'Add tile' : 'Edit tile'} submit="Save" onClose={props.onClose} onSubmit={save}>
            <SelectField label="Kind" value={kind} onInput={(value) => (setKind(value), setNames([]))} options={KINDS} />
            {kind === 'markdown' && <TextField label="Text" required rows={6} value={text} onInput={setText} hint="# heading, **bold**, *italic*, `code`, - list, [link](https://…)" />}
            {kind === 'deviceCount' && (
                <SelectField label="Device group" required value={group} onInput={setGroup} options={[['', 'Choose…'], ...(groups.data ?? []).map((one): [string, string] => [one.id, one.displayName ?? one.id])]} hint={groups.data?.length === 0 ? 'Make a device group first.' : undefined} />
            )}
            {forDevice && (
                <SelectField
                    label="Device"
                    required
                    value={device}
                    onInput={(value) => (setDevice(value), setNames([]), setCommand(''))}
                    options={[['', 'Choose…'], ...list.filter((one) => one.template !== undefined).map((one): [string, string] => [one.id, one.displayName ?? one.id])]}
                />
            )}
            {kind === 'command' && template !== undefined && (
                <SelectField label="Command" required value={command} onInput={setCommand} options={[['', 'Choose…'], ...commands.map((one): [string, string] => [keyOf(one), one.displayName])]} />
            )}
            {forDevice && kind !== 'command' && template !== undefined && <Choices label={wanted === 'Property' ? 'Properties' : 'Telemetry'} of={choices} chosen={names} onChange={setNames} one={kind === 'kpi'} />}
            {(kind === 'lineChart' || kind === 'kpi') && (
                <div class="form-row">
                    <SelectField label="Aggregate" value={aggregate} onInput={setAggregate} options={AGGREGATES} />
                    <SelectField label="Over" value={duration} onInput={setDuration} options={DURATIONS.map(([value, , name]) => [value, name])} />
                </div>
            )}
            <TextField label="Title" value={name} onInput={setName} placeholder={suggested()} />
        </FormDialog>
    );
}

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
