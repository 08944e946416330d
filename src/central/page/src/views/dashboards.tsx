// Dashboards: tiles that anyone can put together, kept by the service.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { all, deviceLabel, get, id, may, put, remove, type Device } from '../api';
import { capabilitiesOf } from '../model';
import { Confirm, Empty, FormDialog, Icon, Loaded, Page, SelectField, TextField, useResource } from '../ui';
import { EntityList, freshId, NewButton, useEntities, type Entity } from './entities';
import { useTemplates } from './devices';
import { filterOf, groupDevices, type Group } from './groups';
import { QUERIES, type SavedQuery } from './saved_queries';
import { isOfDevice, KINDS, TileForm } from './tile_form';
import { inOrder, pack, TileGrid, type Tile, type TileConfiguration } from './tile_grid';

export interface Dashboard extends Entity {
    favorite?: boolean;
    personal?: boolean;
    organizations?: string[];
    tiles?: Tile[];
}

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

export function DashboardView({ dashboardId, editing }: { dashboardId: string; editing: boolean }): JSX.Element {
    const dashboard = useResource(() => get<Dashboard>(`/dashboards/${id(dashboardId)}`), [dashboardId]);
    const [adding, setAdding] = useState<number | 'new'>();
    const [deleting, setDeleting] = useState(false);
    const { data } = dashboard;
    const tiles = inOrder(data?.tiles ?? []);
    const save = async (next: Tile[]): Promise<void> => {
        if (data === undefined) return;
        const { id: _, ...rest } = data;
        dashboard.set(await put<Dashboard>(`/dashboards/${id(dashboardId)}`, { ...rest, tiles: pack(next) }));
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
                        <TileGrid tiles={tiles} edit={editing ? { save, open: setAdding } : undefined} />
                    )
                }
            </Loaded>
            {adding !== undefined && (
                <DashboardTileForm
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

/** A tile of any device, or of all of a group. */
function DashboardTileForm(props: { tile: Tile | undefined; onClose: () => void; onDone: (tile: Tile) => Promise<void> }): JSX.Element {
    const old = props.tile?.configuration;
    const templates = useTemplates();
    const groups = useEntities<Group>('/deviceGroups');
    const devices = useResource(() => get<{ value: Device[] }>('/devices', { maxpagesize: '100' }), []);
    const queries = useResource(async () => (may('query.run') ? await all<SavedQuery>(QUERIES) : []), []);
    const [group, setGroup] = useState(old?.group ?? '');
    const [saved, setSaved] = useState(typeof old?.['query'] === 'string' ? old['query'] : '');
    const [device, setDevice] = useState(old?.devices?.[0] ?? old?.device ?? (old?.devices !== undefined && old.group !== undefined ? `=${old.group}` : ''));
    const everyOf = device.startsWith('=') ? device.slice(1) : undefined; // all devices of a group
    const members = useResource(async () => (everyOf === undefined ? [] : await groupDevices(everyOf)), [everyOf]);

    const list = devices.data?.value ?? [];
    const own = everyOf === undefined ? list.find((one) => one.id === device) : members.data?.find((one) => one.template !== undefined);
    const template = own?.template === undefined ? undefined : templates.get(own.template);

    /** The API wants a group: the one of the device's template, made when there is none. */
    const groupFor = async (kind: string): Promise<string> => {
        if (everyOf !== undefined) return everyOf;
        if (group !== '' && kind === old?.type) return group;
        const filter = filterOf(own?.template ?? '');
        const found = (groups.data ?? []).find((one) => one.filter === filter);
        if (found !== undefined) return found.id;
        const made = freshId('group');
        await put(`/deviceGroups/${id(made)}`, { displayName: `All of ${own?.template ?? ''}`.slice(0, 120), filter });
        return made;
    };
    const bind = async (of: TileConfiguration): Promise<TileConfiguration> => {
        if (of.type === 'deviceCount') return { ...of, group };
        if (of.type === 'dataExplorer') return { ...of, query: saved };
        if (!isOfDevice(of.type)) return of;
        const bound = { ...of, group: await groupFor(of.type) };
        return of.type === 'command' ? { ...bound, device } : { ...bound, devices: everyOf !== undefined ? [] : device === old?.devices?.[0] ? old.devices : [device] };
    };
    const suggest = (kind: string): string | undefined => {
        if (kind === 'deviceCount') return groups.data?.find((one) => one.id === group)?.displayName ?? 'Devices';
        return kind === 'dataExplorer' ? (queries.data?.find((one) => one.id === saved)?.displayName ?? 'Query') : undefined;
    };
    return (
        <TileForm
            {...props}
            kinds={KINDS}
            capabilities={template === undefined ? undefined : capabilitiesOf(template)}
            bind={bind}
            suggest={suggest}
        >
            {(kind, reset) => (
                <>
                    {kind === 'deviceCount' && (
                        <SelectField label="Device group" required value={group} onInput={setGroup} options={[['', 'Choose…'], ...(groups.data ?? []).map((one): [string, string] => [one.id, one.displayName ?? one.id])]} hint={groups.data?.length === 0 ? 'Make a device group first.' : undefined} />
                    )}
                    {kind === 'dataExplorer' && (
                        <SelectField label="Saved query" required value={saved} onInput={setSaved} options={[['', 'Choose…'], ...(queries.data ?? []).map((one): [string, string] => [one.id, one.displayName ?? one.id])]} hint={queries.data?.length === 0 ? 'Save a query under Analytics first.' : undefined} />
                    )}
                    {isOfDevice(kind) && (
                        <SelectField
                            label="Device"
                            required
                            value={device}
                            onInput={(value) => (setDevice(value), reset())}
                            options={[
                                ['', 'Choose…'],
                                ...list.filter((one) => one.template !== undefined).map((one): [string, string] => [one.id, deviceLabel(one)]),
                                ...(kind === 'command' ? [] : (groups.data ?? []).map((one): [string, string] => [`=${one.id}`, `All of ${one.displayName ?? one.id} (ten at most)`])),
                            ]}
                        />
                    )}
                </>
            )}
        </TileForm>
    );
}
