// Device templates: upload with the service's findings by line, and what is in them.
import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { all, ApiError, get, id, may, put, remove, type Device } from '../api';
import { download } from '../format';
import { partsOf, schemaName, templateName, type Capability, type Json, type Schema, type Template } from '../model';
import { Badge, Card, Code, Confirm, Dialog, Empty, Icon, Loaded, Page, Problem, Table, Tabs, TextField, useAction, useResource } from '../ui';
import { simulate } from './devices';
import { Views } from './template_views';

const version = (dtmi: string): number => Number(/;(\d+)(\.\d+)?$/.exec(dtmi)?.[1] ?? 0);
const family = (dtmi: string): string => dtmi.replace(/;.*$/, '');

export function TemplatesView(): JSX.Element {
    const list = useResource(() => all<Template>('/deviceTemplates'), []);
    const [uploading, setUploading] = useState(false);
    return (
        <Page
            title="Templates"
            lead="A template says what a device sends and takes. Charts, forms and checks come from it."
            actions={
                may('template.write') && (
                    <button class="primary" onClick={() => setUploading(true)}>
                        <Icon name="plus" /> Upload template
                    </button>
                )
            }
        >
            <Loaded of={list}>
                {(templates) =>
                    templates.length === 0 ? (
                        <Empty title="No templates yet">
                            <p>
                                Upload a DTDL interface or an IoT Central template, or start the service with <code>--templates</code> and a folder of them.
                            </p>
                            {may('template.write') && <button onClick={() => setUploading(true)}>Upload template</button>}
                        </Empty>
                    ) : (
                        <Table
                            label="Templates"
                            rows={templates}
                            keyOf={(one) => one['@id']}
                            columns={[
                                {
                                    name: 'Template',
                                    class: 'main',
                                    cell: (one) => (
                                        <>
                                            <a class="strong" href={`#/templates/${id(one['@id'])}`}>
                                                {templateName(one)}
                                            </a>
                                            <code class="dim sub">{one['@id']}</code>
                                        </>
                                    ),
                                },
                                { name: 'Version', cell: (one) => version(one['@id']) },
                                { name: 'Contents', cell: (one) => <Contents of={one} /> },
                                ...(may('device.write') ? [{ name: 'Actions', class: 'end', cell: (one: Template) => <Simulate of={one} small /> }] : []),
                            ]}
                        />
                    )
                }
            </Loaded>
            {uploading && <Upload onClose={() => setUploading(false)} />}
        </Page>
    );
}

/** A device of the template that the service plays itself. */
function Simulate({ of, small }: { of: Template; small?: boolean }): JSX.Element {
    const [busy, act] = useAction();
    return (
        <button class={small === true ? 'small' : ''} disabled={busy} onClick={() => void act(async () => (location.hash = `#/devices/${id(await simulate(of))}`), 'The service plays this device: its values are made up.')} aria-label={small === true ? `Simulate a device of ${templateName(of)}` : undefined}>
            Simulate a device
        </button>
    );
}

function Contents({ of }: { of: Template }): JSX.Element {
    const parts = partsOf(of);
    const count = (kind: string): number => parts.flatMap((part) => part.capabilities).filter((one) => one.kind === kind).length;
    const text = [
        [count('Telemetry'), 'telemetry', 'telemetry'],
        [count('Property'), 'property', 'properties'],
        [count('Command'), 'command', 'commands'],
        [parts.length - 1, 'component', 'components'],
    ] as const;
    return <span class="dim">{text.filter(([n]) => n > 0).map(([n, one, several]) => `${n} ${n === 1 ? one : several}`).join(' · ')}</span>;
}

/** Where IoT Central would put a plain interface: its id with ":template". */
function suggestId(text: string): string {
    try {
        const parsed = JSON.parse(text) as Json | Json[];
        const first = Array.isArray(parsed) ? parsed[0] : parsed;
        const own = first?.['@id'];
        if (typeof own !== 'string') return '';
        return first?.['capabilityModel'] !== undefined ? own : own.replace(/;/, ':template;');
    } catch {
        return '';
    }
}

export function Upload({ onClose, initial, suggested }: { onClose: () => void; initial?: string; suggested?: string }): JSX.Element {
    const [text, setText] = useState(initial ?? '');
    const [name, setName] = useState(suggested ?? '');
    const [error, setError] = useState<Error>();
    const [busy, setBusy] = useState(false);
    const form = useRef<HTMLFormElement>(null);
    const effective = name !== '' ? name : suggestId(text);
    const choose = async (file: File | undefined): Promise<void> => {
        if (file !== undefined) setText(await file.text());
    };
    const send = async (event: Event): Promise<void> => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        try {
            const given = effective !== '' ? effective : 'dtmi:unnamed;1'; // the service says what is wrong with the text
            const made = await put<Template>(`/deviceTemplates/${id(given)}`, text);
            location.hash = `#/templates/${id(made['@id'])}`;
            onClose();
        } catch (failed) {
            setError(failed as Error);
            setBusy(false);
        }
    };
    const goTo = (line: number): void => {
        const area = form.current?.querySelector('textarea');
        if (area == null) return;
        const lines = text.split('\n');
        const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
        area.focus();
        area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
        area.scrollTop = (area.scrollHeight / lines.length) * Math.max(0, line - 4);
    };
    return (
        <Dialog title="Upload template" onClose={onClose} wide>
            <form ref={form} onSubmit={(event) => void send(event)}>
                <div class="field">
                    <label for="template-file">File</label>
                    <input id="template-file" type="file" accept=".json,application/json" onChange={(event) => void choose(event.currentTarget.files?.[0])} />
                </div>
                <TextField label="DTDL" required mono rows={14} value={text} onInput={setText} placeholder='{ "@context": "dtmi:dtdl:context;2", "@id": "dtmi:com:example:Pump;1", "@type": "Interface", … }' />
                <TextField label="Template id" mono value={name} onInput={setName} placeholder={effective} hint="Leave it empty to take the id from the text." />
                <Findings error={error} text={text} onGo={goTo} />
                <div class="form-actions">
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button class="primary" disabled={busy}>
                        Upload
                    </button>
                </div>
            </form>
        </Dialog>
    );
}

/** What the service found, each beside the line that it means. */
function Findings({ error, text, onGo }: { error: Error | undefined; text: string; onGo: (line: number) => void }): JSX.Element | null {
    if (!(error instanceof ApiError) || error.issues.length === 0) return <Problem error={error} />;
    const lines = text.split('\n');
    return (
        <div class="problem" role="alert">
            <p>
                <b>
                    {error.issues.length} {error.issues.length === 1 ? 'problem' : 'problems'}
                </b>
            </p>
            <ol class="issues">
                {error.issues.map((issue) => (
                    <li>
                        {issue.line !== undefined && (
                            <button type="button" class="small" onClick={() => onGo(issue.line ?? 1)}>
                                Line {issue.line}
                            </button>
                        )}{' '}
                        {String(issue.message ?? issue['problem'] ?? JSON.stringify(issue))}
                        {issue.line !== undefined && lines[issue.line - 1] !== undefined && <code class="sub dim">{lines[issue.line - 1]?.trim().slice(0, 120)}</code>}
                    </li>
                ))}
            </ol>
        </div>
    );
}

export function TemplateView({ templateId, tab }: { templateId: string; tab: string }): JSX.Element {
    const template = useResource(() => get<Template>(`/deviceTemplates/${id(templateId)}`), [templateId]);
    const [open, setOpen] = useState<'delete' | 'version'>();
    const href = (key: string): string => `#/templates/${id(templateId)}/${key}`;
    const { data } = template;
    return (
        <Page
            title={data === undefined ? templateId : templateName(data)}
            back={{ href: '#/templates', text: 'Templates' }}
            lead={<code>{templateId}</code>}
            actions={
                data !== undefined && (
                    <>
                        {may('device.write') && <Simulate of={data} />}
                        {may('template.write') && <button onClick={() => setOpen('version')}>New version</button>}
                        <button onClick={() => download(`${templateId.replace(/[:;]/g, '_')}.json`, 'application/json', pretty(data))}>Download</button>
                        {may('template.write') && <button onClick={() => setOpen('delete')}>Delete</button>}
                    </>
                )
            }
        >
            <Tabs
                label="Of this template"
                current={tab}
                tabs={[
                    { key: 'views', text: 'Views', href: href('views') },
                    { key: 'tree', text: 'Contents', href: href('tree') },
                    { key: 'versions', text: 'Versions and devices', href: href('versions') },
                    { key: 'json', text: 'JSON', href: href('json') },
                ]}
            />
            <Loaded of={template}>
                {(one) => (tab === 'json' ? <Code label="template" text={pretty(one)} /> : tab === 'versions' ? <Versions of={one} /> : tab === 'tree' ? <Tree of={one} /> : <Views of={one} />)}
            </Loaded>
            {open === 'version' && data !== undefined && <Upload initial={next(data)} suggested="" onClose={() => setOpen(undefined)} />}
            {open === 'delete' && (
                <Confirm
                    title="Delete template"
                    text="A template that devices have is not deleted."
                    submit="Delete"
                    onClose={() => setOpen(undefined)}
                    onSubmit={async () => {
                        await remove(`/deviceTemplates/${id(templateId)}`);
                        location.hash = '#/templates';
                    }}
                />
            )}
        </Page>
    );
}

const pretty = (template: Template): string => {
    const { etag: _, ...rest } = template;
    return JSON.stringify(rest, null, 2);
};

const raise = (dtmi: unknown): string => String(dtmi).replace(/;(\d+)/, (_, n: string) => `;${Number(n) + 1}`);

/** The same with the next version of its own id and of its model's. */
function next(template: Template): string {
    const { etag: _, ...rest } = template;
    const model = rest.capabilityModel ?? {};
    return JSON.stringify({ ...rest, '@id': raise(rest['@id']), capabilityModel: { ...model, '@id': raise(model['@id']) } }, null, 2);
}

function Versions({ of }: { of: Template }): JSX.Element {
    const list = useResource(
        async () => ({ templates: await all<Template>('/deviceTemplates'), devices: await all<Device>('/devices') }),
        [of['@id']],
    );
    return (
        <Loaded of={list}>
            {({ templates, devices }) => {
                const same = templates.filter((one) => family(one['@id']) === family(of['@id'])).sort((a, b) => version(b['@id']) - version(a['@id']));
                return (
                    <Table
                        label="Versions"
                        rows={same}
                        keyOf={(one) => one['@id']}
                        columns={[
                            { name: 'Version', class: 'main', cell: (one) => <a href={`#/templates/${id(one['@id'])}`}>{one['@id']}</a> },
                            { name: 'Model', cell: (one) => <code>{String(one.capabilityModel?.['@id'] ?? '–')}</code> },
                            { name: 'Devices', class: 'num', cell: (one) => devices.filter((device) => device.template === one['@id']).length },
                        ]}
                    />
                );
            }}
        </Loaded>
    );
}

function Tree({ of }: { of: Template }): JSX.Element {
    const parts = useMemo(() => partsOf(of), [of]);
    return (
        <Card>
            <ul class="tree">
                {parts.map((part) => (
                    <li>
                        <details open>
                            <summary>
                                <b>{part.displayName}</b> <span class="dim">{part.name === '' ? 'device' : `component ${part.name}`}</span>
                            </summary>
                            <ul>
                                {part.capabilities.map((one) => (
                                    <Leaf of={one} />
                                ))}
                            </ul>
                        </details>
                    </li>
                ))}
            </ul>
        </Card>
    );
}

const TONE = { Telemetry: 'info', Property: 'good', Command: 'warn' } as const;

function Leaf({ of }: { of: Capability }): JSX.Element {
    const facts = [
        of.kind === 'Command' ? '' : schemaName(of.schema),
        of.unit,
        of.cloud ? 'cloud' : of.writable ? 'writable' : '',
        of.durable ? 'waits for the device' : '',
        of.min !== undefined || of.max !== undefined ? `${of.min ?? ''} … ${of.max ?? ''}` : '',
        of.request !== undefined ? `takes ${schemaName(of.request.schema)}` : '',
        of.response !== undefined ? `answers ${schemaName(of.response.schema)}` : '',
    ].filter((text) => text !== '');
    return (
        <li class="leaf">
            <div>
                <Badge tone={TONE[of.kind]}>{of.kind}</Badge> <b>{of.displayName}</b> <code class="dim">{of.name}</code>
                <span class="dim"> {facts.join(' · ')}</span>
            </div>
            {of.description !== '' && <p class="dim">{of.description}</p>}
            <SchemaTree schema={of.kind === 'Command' ? (of.request?.schema ?? of.response?.schema ?? of.schema) : of.schema} />
        </li>
    );
}

function SchemaTree({ schema }: { schema: Schema }): JSX.Element | null {
    if (schema.kind === 'enum') return <p class="dim">{schema.values.map((one) => `${one.label} = ${String(one.value)}`).join(', ')}</p>;
    if (schema.kind === 'array') return <SchemaTree schema={schema.element} />;
    if (schema.kind !== 'object') return null;
    return (
        <ul>
            {schema.fields.map((field) => (
                <li>
                    {field.displayName} <code class="dim">{field.name}</code> <span class="dim">{schemaName(field.schema)}</span>
                    <SchemaTree schema={field.schema} />
                </li>
            ))}
        </ul>
    );
}
