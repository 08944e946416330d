// The views that devices of a template have: its own, or those that are made of it.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { all, deviceLabel, get, id, may, patch, put, type Device } from '../api';
import { capabilitiesOf, keyOf, partsOf, schemaName, templateName, type Capability, type Part, type Template } from '../model';
import { Card, Empty, Facts, FormDialog, Icon, Loaded, Online, Page, SelectField, StateBadge, TextField, useAction, useResource, type Resource } from '../ui';
import { simulate } from './devices';
import { EntityList, freshId, NewButton } from './entities';
import { inOrder, pack, type Tile } from './tile_grid';
import { KINDS, TileForm } from './tile_form';
import { generateViews, putView, viewsOf, viewsPath, ViewTiles, type View } from './views';

const MADE: [kind: Capability['kind'], title: string, tab: string, text: string][] = [
    ['Telemetry', 'Overview', 'overview', 'The newest value of each telemetry, and its chart over time.'],
    ['Property', 'About', 'about', 'What the device says of itself, and what people keep about it.'],
    ['Command', 'Commands', 'commands', 'A form for each command, and what was answered.'],
];

const KIND_NAMES: [View['kind'], string][] = [
    ['dashboard', 'Dashboard: charts, values, commands'],
    ['form', 'Form: properties to edit'],
];
const FORM_KINDS: [string, string][] = [
    ['property', 'Properties'],
    ['markdown', 'Text (Markdown)'],
    ['label', 'Label'],
];
const MOST_IMAGE = 40000; // bytes: a view has 64 KB, and base64 takes a third more
const NOT_OF_VIEWS = new Set(['deviceCount', 'dataExplorer']);

const named = (part: Part, one: Capability): string => (part.name === '' ? one.displayName : `${part.displayName}: ${one.displayName}`);

function says(one: Capability): string {
    if (one.kind === 'Command') return one.request === undefined ? 'takes nothing' : `takes ${one.request.displayName}`;
    return [schemaName(one.schema), one.unit, one.cloud ? 'cloud' : one.writable ? 'writable' : ''].filter((text) => text !== '').join(' · ');
}

const useDevicesOf = (templateId: string): Resource<Device[]> => useResource(() => all<Device>('/devices', { filter: `template eq '${templateId}'` }, 100), [templateId]);

export function Views({ of }: { of: Template }): JSX.Element {
    const own = of['@id'];
    const parts = useMemo(() => partsOf(of), [of]);
    const views = useResource(() => viewsOf(own), [own]);
    const devices = useDevicesOf(own);
    const none = views.data?.length === 0;
    return (
        <>
            <OwnViews of={of} views={views} parts={parts} />
            {none && <MadeViews parts={parts} first={devices.data?.[0]} />}
            <div class="spaced">
                <DevicesCard devices={devices} />
            </div>
        </>
    );
}

function OwnViews({ of, views, parts }: { of: Template; views: Resource<View[]>; parts: Part[] }): JSX.Element {
    const own = of['@id'];
    const [making, setMaking] = useState(false);
    const [busy, act] = useAction();
    const list = views.data ?? [];
    const move = (at: number, to: number): void => {
        const next = [...list];
        next.splice(to, 0, ...next.splice(at, 1));
        const changed = next.flatMap((one, order) => (one.order === order ? [] : [[one, order] as const]));
        void act(async () => {
            for (const [one, order] of changed) await patch(`${viewsPath(own)}/${id(one.id)}`, { order });
        }, `${list[at]?.displayName ?? ''} is number ${to + 1} of ${list.length}.`).then(views.reload);
    };
    const generate = (): void => void act(() => generateViews(own, parts), 'The views can be edited now.').then(views.reload);
    return (
        <>
            {list.length > 0 && (
                <div class="toolbar apart">
                    <p class="dim">The tabs of each device of this template, in this order.</p>
                    <NewButton what="view" right="template.write" onClick={() => setMaking(true)} />
                </div>
            )}
            <EntityList
                path={viewsPath(own)}
                what="view"
                list={views}
                right="template.write"
                add={() => setMaking(true)}
                edit={(one) => (location.hash = `#/templates/${id(own)}/views/${id(one.id)}`)}
                empty={
                    <>
                        <p>Until then devices show what is made of the template: the three below.</p>
                        {may('template.write') && (
                            <button class="primary" disabled={busy} onClick={generate}>
                                Generate default views
                            </button>
                        )}
                    </>
                }
                columns={[
                    {
                        name: 'View',
                        class: 'main',
                        cell: (one) => (
                            <a class="strong" href={`#/templates/${id(own)}/views/${id(one.id)}`}>
                                {one.displayName ?? one.id}
                            </a>
                        ),
                    },
                    { name: 'Kind', cell: (one) => (one.kind === 'form' ? 'Form' : 'Dashboard') },
                    { name: 'Tiles', class: 'num', cell: (one) => one.tiles.length },
                    ...(may('template.write')
                        ? [
                              {
                                  name: 'Order',
                                  cell: (one: View) => {
                                      const at = list.indexOf(one);
                                      const button = (to: number, text: string, icon: 'up' | 'down'): JSX.Element => (
                                          <button class="small" disabled={busy || to < 0 || to >= list.length} aria-label={`Move ${one.displayName ?? one.id} ${text}`} onClick={() => move(at, to)}>
                                              <Icon name={icon} />
                                          </button>
                                      );
                                      return (
                                          <div class="tile-tools">
                                              {button(at - 1, 'up', 'up')}
                                              {button(at + 1, 'down', 'down')}
                                          </div>
                                      );
                                  },
                              },
                          ]
                        : []),
                ]}
            />
            {making && <NewView templateId={own} onClose={() => setMaking(false)} />}
        </>
    );
}

function NewView({ templateId, onClose }: { templateId: string; onClose: () => void }): JSX.Element {
    const [name, setName] = useState('');
    const [kind, setKind] = useState('dashboard');
    const make = async (): Promise<void> => {
        const own = freshId('view');
        await put(`${viewsPath(templateId)}/${id(own)}`, { displayName: name, kind });
        location.hash = `#/templates/${id(templateId)}/views/${id(own)}`;
    };
    return (
        <FormDialog title="New view" submit="Create" onClose={onClose} onSubmit={make}>
            <TextField label="Name" required autofocus value={name} onInput={setName} hint="What the tab is called." />
            <SelectField label="Kind" value={kind} onInput={setKind} options={KIND_NAMES} />
        </FormDialog>
    );
}

function MadeViews({ parts, first }: { parts: Part[]; first: Device | undefined }): JSX.Element {
    return (
        <div class="columns spaced">
            {MADE.map(([kind, title, tab, text]) => {
                const items = parts.flatMap((part) => part.capabilities.filter((one) => one.kind === kind).map((one): [string, JSX.Element] => [named(part, one), <span class="dim">{says(one)}</span>]));
                return (
                    <Card title={title} actions={first !== undefined && <a href={`#/devices/${id(first.id)}/${tab}`}>As on {first.displayName ?? first.id}</a>}>
                        <p class="dim">{text}</p>
                        {items.length === 0 ? <p class="dim">The template has none.</p> : <Facts items={items} />}
                    </Card>
                );
            })}
        </div>
    );
}

function DevicesCard({ devices }: { devices: Resource<Device[]> }): JSX.Element {
    return (
        <Card title="Devices">
            <Loaded of={devices} lines={2}>
                {(list) =>
                    list.length === 0 ? (
                        <p class="dim">None has it yet. A device gets it when it announces the model; “Simulate a device” makes one that the service plays itself.</p>
                    ) : (
                        <ul class="relations">
                            {list.slice(0, 10).map((one) => (
                                <li>
                                    <a href={`#/devices/${id(one.id)}`}>{one.displayName ?? one.id}</a>
                                    <StateBadge device={one} />
                                    <Online device={one} />
                                </li>
                            ))}
                            {list.length > 10 && <li class="dim">and {list.length === 100 ? 'more' : list.length - 10}</li>}
                        </ul>
                    )
                }
            </Loaded>
        </Card>
    );
}

/** Its tiles as they will be on a device, to move, change and add to. */
export function ViewEditor({ templateId, viewId }: { templateId: string; viewId: string }): JSX.Element {
    const template = useResource(() => get<Template>(`/deviceTemplates/${id(templateId)}`), [templateId]);
    const view = useResource(() => get<View>(`${viewsPath(templateId)}/${id(viewId)}`), [templateId, viewId]);
    const devices = useDevicesOf(templateId);
    const parts = useMemo(() => (template.data === undefined ? [] : partsOf(template.data)), [template.data]);
    const [chosen, setChosen] = useState('');
    const [open, setOpen] = useState<number | 'new' | 'name'>();
    const { data } = view;
    const device = devices.data?.find((one) => one.id === chosen) ?? devices.data?.[0];
    const tiles = inOrder(data?.tiles ?? []);
    const change = async (part: Partial<View>): Promise<void> => {
        if (data !== undefined) view.set(await putView(templateId, { ...data, ...part }));
    };
    // What the grid shows is bound to a device; what is kept is not.
    const save = (next: Tile[]): Promise<void> => change({ tiles: pack(next).map(unbound) });
    const writes = may('template.write');
    return (
        <Page
            title={data?.displayName ?? 'View'}
            back={{ href: `#/templates/${id(templateId)}`, text: template.data === undefined ? 'Template' : templateName(template.data) }}
            lead={data !== undefined && (data.kind === 'form' ? 'A form: properties to edit, on each device of the template' : 'A tab of each device of the template')}
            actions={
                data !== undefined &&
                writes && (
                    <>
                        <button class="primary" onClick={() => setOpen('new')}>
                            <Icon name="plus" /> Add tile
                        </button>
                        <button onClick={() => setOpen('name')}>Rename</button>
                        <a class="button" href={`#/templates/${id(templateId)}`}>
                            Done
                        </a>
                    </>
                )
            }
        >
            <ShownWith devices={devices} device={device} template={template.data} onChoose={setChosen} />
            <Loaded of={view}>
                {(one) =>
                    tiles.length === 0 ? (
                        <Empty title="No tiles yet">
                            <p>{one.kind === 'form' ? 'A tile of a form is a group of properties, or a text.' : 'A tile shows a chart, a value, a property, a text, or a button that runs a command.'}</p>
                            {writes && <button onClick={() => setOpen('new')}>Add tile</button>}
                        </Empty>
                    ) : (
                        <ViewTiles key={device?.id} view={one} device={device} parts={parts} edit={writes ? { save, open: setOpen } : undefined} />
                    )
                }
            </Loaded>
            {open === 'name' && data !== undefined && <Rename view={data} onClose={() => setOpen(undefined)} onDone={(displayName) => change({ displayName })} />}
            {open !== undefined && open !== 'name' && data !== undefined && template.data !== undefined && (
                <TileForm
                    tile={open === 'new' ? undefined : pruned(tiles[open], template.data)}
                    kinds={data.kind === 'form' ? FORM_KINDS : KINDS.filter(([kind]) => !NOT_OF_VIEWS.has(kind))}
                    capabilities={capabilitiesOf(template.data)}
                    bind={async (own) => own}
                    mostImage={MOST_IMAGE}
                    {...(data.kind === 'form' ? { size: [3, 2] as [number, number] } : {})}
                    onClose={() => setOpen(undefined)}
                    onDone={(tile) => save(open === 'new' ? [...tiles, tile] : tiles.map((one, i) => (i === open ? tile : one)))}
                />
            )}
        </Page>
    );
}

/** What the template no longer has cannot be chosen: a tile that is edited loses it. */
function pruned(tile: Tile | undefined, template: Template): Tile | undefined {
    const there = new Set(capabilitiesOf(template).map(keyOf));
    const { capabilities } = tile?.configuration ?? {};
    return tile === undefined || capabilities === undefined ? tile : { ...tile, configuration: { ...tile.configuration, capabilities: capabilities.filter((one) => there.has(one.capability)) } };
}

function unbound(tile: Tile): Tile {
    const { device: _, devices: __, ...configuration } = tile.configuration;
    return { ...tile, configuration };
}

function Rename({ view, onClose, onDone }: { view: View; onClose: () => void; onDone: (name: string) => Promise<void> }): JSX.Element {
    const [name, setName] = useState(view.displayName ?? '');
    return (
        <FormDialog title="Rename view" submit="Save" onClose={onClose} onSubmit={() => onDone(name)}>
            <TextField label="Name" required autofocus value={name} onInput={setName} />
        </FormDialog>
    );
}

function ShownWith(props: { devices: Resource<Device[]>; device: Device | undefined; template: Template | undefined; onChoose: (id: string) => void }): JSX.Element {
    const { devices, device, template } = props;
    const [busy, act] = useAction();
    const make = (): void =>
        void act(async () => {
            if (template !== undefined) props.onChoose(await simulate(template));
            devices.reload();
        }, 'The service plays this device: its values are made up.');
    const simulated = devices.data?.some((one) => one.simulated === true) === true;
    return (
        <div class="toolbar shown-with">
            {device !== undefined ? (
                <SelectField label="Shown with" value={device.id} onInput={props.onChoose} options={(devices.data ?? []).map((one) => [one.id, deviceLabel(one)])} />
            ) : (
                devices.data !== undefined && <p class="dim">No device has this template yet, so tiles tell only what they will show.</p>
            )}
            {devices.data !== undefined && !simulated && may('device.write') && (
                <button disabled={busy || template === undefined} onClick={make}>
                    Simulate a device
                </button>
            )}
        </div>
    );
}
