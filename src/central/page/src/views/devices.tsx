// All devices: search, state, who waits for approval; new ones.
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { all, deviceState, follow, get, id, may, patch, put, remove, type Device, type Page as ListPage, type State } from '../api';
import { useChanges } from '../live';
import { templateName, type Template } from '../model';
import { Confirm, Empty, FormDialog, Icon, Loaded, Online, Page, SelectField, StateBadge, Table, TextField, useAction, useResource, useSettled } from '../ui';

export const useTemplates = (): Map<string, Template> => {
    const { data } = useResource(() => all<Template>('/deviceTemplates'), []);
    return useMemo(() => new Map((data ?? []).map((one) => [one['@id'], one])), [data]);
};

/** One more simulated device of a template, named after it: its id. */
export async function simulate(template: Template): Promise<string> {
    const base = `sim-${templateName(template).toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40) || 'device'}`;
    const taken = new Set((await all<Device>('/devices', { filter: `contains(id,'${base}')` })).map((one) => one.id));
    let number = 1;
    while (taken.has(`${base}-${number}`)) number++;
    const own = `${base}-${number}`;
    await put(`/devices/${id(own)}`, { displayName: `Simulated ${templateName(template)} ${number}`.slice(0, 148), simulated: true, template: template['@id'] });
    return own;
}

export function TemplateName({ of, templates }: { of: string | undefined; templates: Map<string, Template> }): JSX.Element {
    if (of === undefined) return <span class="dim">Unassigned</span>;
    const template = templates.get(of);
    if (template === undefined) return <code>{of}</code>;
    return <a href={`#/templates/${id(of)}`}>{templateName(template)}</a>;
}

interface Listed {
    devices: Device[];
    more?: string;
}

async function load(filter: string): Promise<Listed> {
    const page = await get<ListPage<Device>>('/devices', { maxpagesize: '100', filter });
    return page.nextLink === undefined ? { devices: page.value } : { devices: page.value, more: page.nextLink };
}

async function loadMore({ devices, more }: Listed): Promise<Listed> {
    if (more === undefined) return { devices };
    const page = await follow<Device>(more);
    const all = [...devices, ...page.value];
    return page.nextLink === undefined ? { devices: all } : { devices: all, more: page.nextLink };
}

const STATE_FILTERS: Record<string, string> = {
    waiting: 'enabled eq false and provisioned eq false',
    registered: 'enabled eq true and provisioned eq false',
    provisioned: 'enabled eq true and provisioned eq true',
    blocked: 'enabled eq false and provisioned eq true',
};
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** What the service is asked when there are more devices than a page. */
function filterOf(text: string, state: string, template: string): string {
    const wanted = text.trim();
    const parts = [
        wanted === '' ? '' : `(contains(id,${quoted(wanted)}) or contains(displayName,${quoted(wanted)}))`,
        STATE_FILTERS[state] ?? '',
        template === '' ? '' : `template eq ${quoted(template)}`,
    ];
    return parts.filter((part) => part !== '').join(' and ');
}

const FILTERS: [string, string][] = [
    ['', 'All states'],
    ['connected', 'Connected'],
    ['waiting', 'Waiting for approval'],
    ['registered', 'Registered'],
    ['provisioned', 'Provisioned'],
    ['blocked', 'Blocked'],
];

function matches(device: Device, text: string, state: string, template: string): boolean {
    if (state === 'connected' ? device.connected !== true : state !== '' && deviceState(device) !== (state as State)) return false;
    if (template !== '' && device.template !== template) return false;
    const wanted = text.trim().toLowerCase();
    return wanted === '' || device.id.toLowerCase().includes(wanted) || (device.displayName ?? '').toLowerCase().includes(wanted);
}

export function DeleteDevice({ device, onClose, onDone }: { device: Device; onClose: () => void; onDone: () => void }): JSX.Element {
    return (
        <Confirm
            title="Delete device"
            text={
                <>
                    Delete <b>{device.id}</b> with its telemetry, properties and keys? It cannot be brought back.
                </>
            }
            submit="Delete"
            onClose={onClose}
            onSubmit={async () => {
                await remove(`/devices/${id(device.id)}`);
                onDone();
            }}
        />
    );
}

export function DevicesView(): JSX.Element {
    const templates = useTemplates();
    const [text, setText] = useState('');
    const [state, setState] = useState('');
    const [template, setTemplate] = useState('');
    const [many, setMany] = useState(false); // more than a page: the service searches
    const asked = useSettled(many ? filterOf(text, state, template) : '');
    const list = useResource(() => load(asked), [asked]);
    useEffect(() => {
        if (list.data?.more !== undefined) setMany(true);
    }, [list.data]);
    const [making, setMaking] = useState(false);
    const [removing, setRemoving] = useState<Device>();
    const [busy, act] = useAction();
    // Only while the list is one page: a long one would be asked for again and again.
    useChanges({ kind: 'deviceConnectivity,deviceLifecycle' }, () => (list.data?.devices.length ?? 0) <= 100 && list.reload(), 20000);

    const enable = (device: Device, enabled: boolean): void => {
        void act(() => patch(`/devices/${id(device.id)}`, { enabled }), enabled ? `${device.id} may connect.` : `${device.id} is blocked.`).then(list.reload);
    };
    const actions = (device: Device): JSX.Element => (
        <div class="row-actions">
            {device.enabled === false ? (
                <button class={deviceState(device) === 'waiting' ? 'small primary' : 'small'} disabled={busy} onClick={() => enable(device, true)} aria-label={`${deviceState(device) === 'waiting' ? 'Approve' : 'Unblock'} ${device.id}`}>
                    {deviceState(device) === 'waiting' ? 'Approve' : 'Unblock'}
                </button>
            ) : (
                <button class="small" disabled={busy} onClick={() => enable(device, false)} aria-label={`Block ${device.id}`}>
                    Block
                </button>
            )}
            <button class="small" disabled={busy} onClick={() => setRemoving(device)} aria-label={`Delete ${device.id}`}>
                Delete
            </button>
        </div>
    );
    return (
        <Page
            title="Devices"
            actions={
                may('device.write') && (
                    <button class="primary" onClick={() => setMaking(true)}>
                        <Icon name="plus" /> New device
                    </button>
                )
            }
        >
            <Loaded of={list} lines={8}>
                {({ devices, more }) => {
                    const shown = devices.filter((device) => matches(device, text, state, template));
                    if (devices.length === 0 && asked === '')
                        return (
                            <Empty title="No devices yet">
                                <p>
                                    <a href="#/connect">Connect a device</a>, or make one here and give it its key. A device that has a group's key appears by
                                    itself.
                                </p>
                            </Empty>
                        );
                    const waiting = devices.filter((device) => deviceState(device) === 'waiting');
                    return (
                        <>
                            {waiting.length > 0 && state !== 'waiting' && (
                                <div class="notice" role="status">
                                    <p>
                                        <b>{waiting.length === 1 ? `${waiting[0]?.displayName ?? waiting[0]?.id} waits for approval.` : `${waiting.length} devices wait for approval.`}</b>{' '}
                                        {waiting.length === 1 ? 'It has' : 'They have'} good credentials, and may not connect until somebody approves.
                                    </p>
                                    {waiting.length > 1 && <button onClick={() => setState('waiting')}>Show them</button>}
                                </div>
                            )}
                            <div class="filters" role="search">
                                <input type="search" aria-label="Search by id or name" placeholder="Search by id or name" value={text} onInput={(event) => setText(event.currentTarget.value)} />
                                <select aria-label="State" value={state} onInput={(event) => setState(event.currentTarget.value)}>
                                    {FILTERS.map(([value, name]) => (
                                        <option value={value}>{name}</option>
                                    ))}
                                </select>
                                <select aria-label="Template" value={template} onInput={(event) => setTemplate(event.currentTarget.value)}>
                                    <option value="">All templates</option>
                                    {[...templates.values()].map((one) => (
                                        <option value={one['@id']}>{templateName(one)}</option>
                                    ))}
                                </select>
                                <span class="dim count" aria-live="polite">
                                    {shown.length === devices.length ? `${devices.length}${more === undefined ? '' : '+'}` : `${shown.length} of ${devices.length}`} {devices.length === 1 ? 'device' : 'devices'}
                                </span>
                            </div>
                            {shown.length === 0 ? (
                                <Empty title="No device matches">
                                    <button onClick={() => (setText(''), setState(''), setTemplate(''))}>Show all</button>
                                </Empty>
                            ) : (
                                <Table
                                    label="Devices"
                                    rows={shown}
                                    keyOf={(device) => device.id}
                                    columns={[
                                        {
                                            name: 'Device',
                                            class: 'main',
                                            cell: (device) => (
                                                <>
                                                    <a class="strong" href={`#/devices/${id(device.id)}`}>
                                                        {device.displayName ?? device.id}
                                                    </a>
                                                    {device.displayName !== device.id && <span class="dim sub">{device.id}</span>}
                                                </>
                                            ),
                                        },
                                        { name: 'State', cell: (device) => <StateBadge device={device} /> },
                                        { name: 'Last seen', cell: (device) => <Online device={device} /> },
                                        { name: 'Template', cell: (device) => <TemplateName of={device.template} templates={templates} /> },
                                        ...(may('device.write') ? [{ name: 'Actions', class: 'end', cell: actions }] : []),
                                    ]}
                                />
                            )}
                            {more !== undefined && (
                                <div class="more">
                                    <button disabled={busy} onClick={() => void act(async () => list.set(await loadMore({ devices, more })))}>
                                        Show more
                                    </button>
                                </div>
                            )}
                        </>
                    );
                }}
            </Loaded>
            {making && <NewDevice templates={templates} onClose={() => setMaking(false)} onDone={(name, simulated) => (location.hash = `#/devices/${id(name)}${simulated ? '' : '/connect'}`)} />}
            {removing !== undefined && <DeleteDevice device={removing} onClose={() => setRemoving(undefined)} onDone={list.reload} />}
        </Page>
    );
}

export function NewDevice(props: { templates: Map<string, Template>; onClose: () => void; onDone: (id: string, simulated: boolean) => void }): JSX.Element {
    const [name, setName] = useState('');
    const [shown, setShown] = useState('');
    const [template, setTemplate] = useState('');
    const [simulated, setSimulated] = useState(false);
    const make = async (): Promise<void> => {
        if (simulated && template === '') throw new Error('A simulated device needs a template: its data is made up from that.');
        const body: Partial<Device> = { displayName: shown === '' ? name : shown, simulated };
        if (template !== '') body.template = template;
        await put(`/devices/${id(name)}`, body);
        props.onDone(name, simulated);
    };
    return (
        <FormDialog title="New device" submit="Create" onClose={props.onClose} onSubmit={make}>
            <TextField label="Device id" required autofocus value={name} onInput={setName} pattern="[A-Za-z0-9._:\-]*[A-Za-z0-9\-]" hint="Letters, digits and - . _ : – it cannot be changed later." />
            <TextField label="Name" value={shown} onInput={setShown} placeholder={name} />
            <SelectField
                label="Template"
                value={template}
                onInput={setTemplate}
                options={[['', 'Found by the model that the device announces'], ...[...props.templates.values()].map((one): [string, string] => [one['@id'], templateName(one)])]}
            />
            <label class="check">
                <input type="checkbox" checked={simulated} onInput={(event) => setSimulated(event.currentTarget.checked)} />
                <span>
                    Simulated <span class="dim">– the service makes up its data from the template</span>
                </span>
            </label>
        </FormDialog>
    );
}
