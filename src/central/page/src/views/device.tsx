// One device, in tabs.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { deviceState, get, id, may, patch, type Device } from '../api';
import { useChanges } from '../live';
import { keyOf, partsOf, templateName, type Part, type Template } from '../model';
import { FormDialog, Loaded, Online, Page, SelectField, StateBadge, Tabs, TextField, useAction, useResource, Waiting, type Tab } from '../ui';
import { DeleteDevice, TemplateName, useTemplates } from './devices';
import { Commands } from './device_commands';
import { About } from './device_about';
import { Audit } from './audit';
import { Connection } from './device_connection';
import { Files } from './device_files';
import { EventsTab } from './device_events';
import { Overview } from './device_overview';
import { Properties } from './device_properties';
import { DeviceTemplateView, viewsOf, type View } from './views';

// Where a template has no views of its own.
const MADE: [key: string, text: string][] = [
    ['overview', 'Overview'],
    ['about', 'About'],
    ['properties', 'Properties'],
    ['commands', 'Commands'],
];
const COMMON: [key: string, text: string][] = [
    ['raw', 'Raw data'],
    ['history', 'History'],
    ['files', 'Files'],
    ['connect', 'Connection'],
];

/** Those of the device's template, none where they cannot be had; undefined: not known yet. */
function useViews(device: Device | undefined): View[] | undefined {
    const load = async (): Promise<View[] | undefined> => (device === undefined ? undefined : device.template === undefined || !may('template.read') ? [] : viewsOf(device.template).catch(() => []));
    return useResource(load, [device === undefined, device?.template]).data;
}

/** The tabs beside a template's own views. A command that none of them offers must be somewhere to be called. */
function keptTabs(views: View[], parts: Part[]): string[] {
    const offered = new Set(views.flatMap((view) => view.tiles.map((tile) => tile.configuration.command)));
    const all = parts.flatMap((part) => part.capabilities).every((one) => one.kind !== 'Command' || offered.has(keyOf(one)));
    return all ? ['properties'] : ['properties', 'commands'];
}

const isReplaced = (tab: string, kept: string[]): boolean => tab === 'views' || (!kept.includes(tab) && MADE.some(([key]) => key === tab));

/** The view that an address means: one by its id, or the first. */
function chosenView(views: View[], kept: string[], tab: string, viewId: string | undefined): View | undefined {
    const wanted = tab === 'views' ? viewId : tab;
    return isReplaced(tab, kept) ? (views.find((one) => one.id === wanted) ?? views[0]) : undefined;
}

function tabsOf(deviceId: string, views: View[], kept: string[]): Tab[] {
    const fixed = ([key, text]: [string, string]): Tab => ({ key, text, href: `#/devices/${id(deviceId)}/${key}` });
    const own = views.map((one): Tab => ({ key: `views/${one.id}`, text: one.displayName ?? one.id, href: `#/devices/${id(deviceId)}/views/${id(one.id)}` }));
    return [...own, ...MADE.filter(([key]) => own.length === 0 || kept.includes(key)).map(fixed), ...COMMON.map(fixed)];
}

export function DeviceView({ deviceId, tab, viewId }: { deviceId: string; tab: string; viewId: string | undefined }): JSX.Element {
    const device = useResource(() => get<Device>(`/devices/${id(deviceId)}`), [deviceId]);
    const templates = useTemplates();
    useChanges({ deviceId, kind: 'deviceConnectivity,deviceLifecycle' }, device.reload, 20000);
    const name = device.data?.displayName ?? deviceId;
    const views = useViews(device.data);
    const template = templates.get(device.data?.template ?? '');
    const parts = useMemo(() => (template === undefined ? [] : partsOf(template)), [template]);
    const kept = keptTabs(views ?? [], parts);
    const view = chosenView(views ?? [], kept, tab, viewId);
    return (
        <Page
            title={name}
            back={{ href: '#/devices', text: 'Devices' }}
            lead={device.data !== undefined && <Summary device={device.data} templates={templates} />}
            actions={device.data !== undefined && may('device.write') && <Actions device={device.data} templates={templates} reload={device.reload} />}
        >
            <Tabs label="Of this device" current={view !== undefined ? `views/${view.id}` : tab === 'views' ? 'overview' : tab} tabs={tabsOf(deviceId, views ?? [], kept)} />
            {device.data !== undefined && deviceState(device.data) === 'waiting' && (
                <div class="notice" role="status">
                    <p>
                        <b>This device waits for approval.</b> It has good credentials, and may not connect until somebody approves.
                    </p>
                </div>
            )}
            <Loaded of={device}>{(data) => (views === undefined && isReplaced(tab, kept) ? <Waiting /> : <Body device={data} template={template} parts={parts} tab={tab} view={view} />)}</Loaded>
        </Page>
    );
}

function Summary({ device, templates }: { device: Device; templates: Map<string, Template> }): JSX.Element {
    return (
        <span class="summary">
            <Online device={device} />
            <StateBadge device={device} />
            {device.displayName !== undefined && device.displayName !== device.id && <code>{device.id}</code>}
            <span class="dim">
                Template: <TemplateName of={device.template} templates={templates} />
            </span>
        </span>
    );
}

function Body(props: { device: Device; template: Template | undefined; parts: Part[]; tab: string; view: View | undefined }): JSX.Element {
    const { device, template, parts, tab, view } = props;
    if (view !== undefined) return <DeviceTemplateView key={view.id} view={view} device={device} parts={parts} />;
    switch (tab) {
        case 'properties':
            return <Properties device={device} parts={parts} />;
        case 'commands':
            return <Commands device={device} parts={parts} />;
        case 'raw':
            return <EventsTab key="raw" device={device} kind="raw" />;
        case 'history':
            return (
                <>
                    <EventsTab key="history" device={device} kind="history" />
                    {may('people.read') && (
                        <div class="spaced">
                            <Audit deviceId={device.id} quiet />
                        </div>
                    )}
                </>
            );
        case 'connect':
            return <Connection device={device} />;
        case 'files':
            return <Files device={device} />;
        case 'about':
            return <About device={device} parts={parts} template={template} />;
        default:
            return <Overview device={device} parts={parts} />;
    }
}

function Actions({ device, templates, reload }: { device: Device; templates: Map<string, Template>; reload: () => void }): JSX.Element {
    const [busy, act] = useAction();
    const [open, setOpen] = useState<'edit' | 'delete'>();
    const blocked = device.enabled === false;
    const enable = (): void =>
        void act(() => patch(`/devices/${id(device.id)}`, { enabled: blocked }), blocked ? 'The device may connect.' : 'The device is blocked.').then(reload);
    return (
        <>
            <button class={blocked ? 'primary' : ''} disabled={busy} onClick={enable}>
                {!blocked ? 'Block' : deviceState(device) === 'waiting' ? 'Approve' : 'Unblock'}
            </button>
            <button onClick={() => setOpen('edit')}>Edit</button>
            <button onClick={() => setOpen('delete')}>Delete</button>
            {open === 'edit' && <EditDevice device={device} templates={templates} onClose={() => setOpen(undefined)} onDone={reload} />}
            {open === 'delete' && <DeleteDevice device={device} onClose={() => setOpen(undefined)} onDone={() => (location.hash = '#/devices')} />}
        </>
    );
}

function EditDevice(props: { device: Device; templates: Map<string, Template>; onClose: () => void; onDone: () => void }): JSX.Element {
    const { device } = props;
    const [name, setName] = useState(device.displayName ?? '');
    const [template, setTemplate] = useState(device.template ?? '');
    const save = async (): Promise<void> => {
        const change: Record<string, unknown> = { displayName: name === '' ? null : name };
        if (template !== (device.template ?? '')) change['template'] = template === '' ? null : template;
        await patch(`/devices/${id(device.id)}`, change);
        props.onDone();
    };
    const options = [...props.templates.values()].map((one): [string, string] => [one['@id'], templateName(one)]);
    return (
        <FormDialog title={`Edit ${device.id}`} submit="Save" onClose={props.onClose} onSubmit={save}>
            <TextField label="Name" value={name} onInput={setName} placeholder={device.id} />
            <SelectField
                label="Template"
                value={template}
                onInput={setTemplate}
                options={[['', 'Found by the model that the device announces'], ...options]}
                hint="What the device sends next is held against it."
            />
        </FormDialog>
    );
}
