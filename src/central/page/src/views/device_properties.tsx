// Reported beside desired: what the device says, what is asked of it, and whether it agreed.
import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { get, id, may, patch, type Device } from '../api';
import { ago, show, when } from '../format';
import { useChanges } from '../live';
import { pathOf, schemaName, type Capability, type Json, type Part } from '../model';
import { Control } from '../schema';
import { Badge, Card, Empty, Loaded, useAction, useResource, type Resource } from '../ui';

interface Meta {
    desiredValue?: unknown;
    desiredVersion?: number;
    lastUpdateTime?: string;
    ackVersion?: number;
    ackCode?: number;
    ackDescription?: string;
    flag?: string;
    reason?: string;
}

const object = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
export const level = (all: Json, component: string): Json => (component === '' ? all : object(all[component]));
const metaOf = (values: Json, name: string): Meta => object(object(values['$metadata'])[name]) as Meta;
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export type Sync = 'none' | 'pending' | 'accepted' | 'rejected';

export function syncOf(meta: Meta): Sync {
    if (meta.desiredValue === undefined) return 'none';
    if (meta.ackCode === undefined || meta.ackVersion === undefined || (meta.desiredVersion ?? 0) > meta.ackVersion) return 'pending';
    if (meta.ackCode === 200 || meta.ackCode === 203) return 'accepted';
    return meta.ackCode >= 201 && meta.ackCode < 300 ? 'pending' : 'rejected';
}

function SyncBadge({ meta }: { meta: Meta }): JSX.Element | null {
    const code = meta.ackCode === undefined ? '' : ` (${meta.ackCode})`;
    switch (syncOf(meta)) {
        case 'none':
            return null;
        case 'pending':
            return <Badge tone="warn">Pending{meta.ackCode !== undefined && meta.ackCode > 200 && meta.ackCode < 300 ? code : ''}</Badge>;
        case 'accepted':
            return <Badge tone="good">Accepted{code}</Badge>;
        case 'rejected':
            return <Badge tone="bad">Rejected{code}</Badge>;
    }
}

/** All that is known of them, as they change. */
export function useProperties(deviceId: string): Resource<Json> {
    const values = useResource(() => get<Json>(`/devices/${id(deviceId)}/properties`), [deviceId]);
    useChanges({ deviceId, kind: 'properties' }, values.reload, 20000);
    return values;
}

export function Properties({ device, parts }: { device: Device; parts: Part[] }): JSX.Element {
    const values = useProperties(device.id);
    return (
        <Loaded of={values}>
            {(all) => {
                const known = parts.filter((part) => part.capabilities.some((one) => one.kind === 'Property'));
                const names = Object.keys(all).filter((name) => !name.startsWith('$'));
                if (known.length === 0 && names.length === 0)
                    return (
                        <Empty title="No properties">
                            <p>Neither the template nor the device has any yet.</p>
                        </Empty>
                    );
                return (
                    <>
                        {known.map((part) => (
                            <PartProperties key={part.name} device={device} part={part} all={all} reload={values.reload} />
                        ))}
                        <Unmodeled all={all} parts={known} />
                    </>
                );
            }}
        </Loaded>
    );
}

function PartProperties(props: { device: Device; part: Part; all: Json; reload: () => void }): JSX.Element {
    const values = level(props.all, props.part.name);
    const own = props.part.capabilities.filter((one) => one.kind === 'Property');
    const writable = own.filter((one) => one.writable);
    const reported = own.filter((one) => !one.writable);
    return (
        <>
            {props.part.name !== '' && <h2 class="part">{props.part.displayName}</h2>}
            <div class="columns">
                {writable.length > 0 && (
                    <Card title="Writable" class="grow">
                        {writable.map((one) => (
                            <Editable key={one.name} device={props.device} of={one} values={values} reload={props.reload} />
                        ))}
                    </Card>
                )}
                {reported.length > 0 && (
                    <Card title="Reported by the device" class="grow">
                        <dl class="facts">
                            {reported.map((one) => (
                                <Reported of={one} values={values} />
                            ))}
                        </dl>
                    </Card>
                )}
            </div>
        </>
    );
}

export function Reported({ of, values }: { of: Capability; values: Json }): JSX.Element {
    const meta = metaOf(values, of.name);
    return (
        <div>
            <dt title={of.description}>{of.displayName}</dt>
            <dd>
                <span title={meta.lastUpdateTime === undefined ? 'Not reported yet' : `Reported ${when(meta.lastUpdateTime)}`}>{show(values[of.name], of.unit)}</span>
                {meta.flag !== undefined && (
                    <span class="sub bad" title={meta.reason}>
                        {meta.reason ?? meta.flag}
                    </span>
                )}
            </dd>
        </div>
    );
}

function range(of: Capability): string {
    const parts = [schemaName(of.schema) + (of.unit === '' ? '' : `, ${of.unit}`)];
    if (of.min !== undefined && of.max !== undefined) parts.push(`${of.min} to ${of.max}`);
    else if (of.min !== undefined) parts.push(`at least ${of.min}`);
    else if (of.max !== undefined) parts.push(`at most ${of.max}`);
    if (of.description !== '') parts.push(of.description);
    return parts.join(' · ');
}

export function Editable(props: { device: Device; of: Capability; values: Json; reload: () => void }): JSX.Element {
    const { of, values } = props;
    const meta = metaOf(values, of.name);
    const current = of.cloud ? values[of.name] : (meta.desiredValue ?? values[of.name]);
    const [draft, setDraft] = useState<{ value: unknown }>();
    const [problem, setProblem] = useState('');
    const [busy, act] = useAction();
    const shown = draft === undefined ? current : draft.value;
    const field = useId(); // a form may have it twice
    const save = async (event: Event): Promise<void> => {
        event.preventDefault();
        setProblem('');
        await act(async () => {
            try {
                await patch(`/devices/${id(props.device.id)}${pathOf(of, '/properties')}`, { [of.name]: shown ?? null });
                setDraft(undefined);
            } catch (error) {
                setProblem((error as Error).message);
            }
        });
        props.reload();
    };
    return (
        <form class="property" onSubmit={(event) => void save(event)} noValidate>
            <div class="property-head">
                <label for={field}>{of.displayName}</label>
                {of.cloud ? <Badge tone="dim">Cloud</Badge> : <SyncBadge meta={meta} />}
            </div>
            <div class="property-edit">
                <Control id={field} label={of.displayName} schema={of.schema} min={of.min} max={of.max} value={shown} onChange={(value) => setDraft({ value })} described={`${field}-hint`} />
                <button disabled={busy || !may('device.write') || draft === undefined || same(draft.value, current)} class={draft !== undefined && !same(draft.value, current) ? 'primary' : ''} aria-label={`Save ${of.displayName}`}>
                    Save
                </button>
            </div>
            <p class="hint" id={`${field}-hint`}>
                {range(of)}
            </p>
            {problem !== '' && (
                <p class="hint bad" role="alert">
                    {problem}
                </p>
            )}
            {!of.cloud && (
                <p class="hint state" aria-live="polite">
                    Device says: <b>{show(values[of.name], of.unit)}</b>
                    {meta.desiredValue !== undefined && (
                        <>
                            {' '}
                            · desired: <b>{show(meta.desiredValue, of.unit)}</b>
                        </>
                    )}
                    {meta.ackDescription !== undefined && meta.ackDescription !== '' && ` · “${meta.ackDescription}”`}
                    {meta.lastUpdateTime !== undefined && ` · ${ago(meta.lastUpdateTime)}`}
                </p>
            )}
        </form>
    );
}

/** What the device reports beyond its template. */
function Unmodeled({ all, parts }: { all: Json; parts: Part[] }): JSX.Element | null {
    const known = new Set(parts.flatMap((part) => (part.name === '' ? part.capabilities.map((one) => one.name) : [part.name])));
    const names = Object.keys(all).filter((name) => !name.startsWith('$') && !known.has(name));
    if (names.length === 0) return null;
    return (
        <Card title={parts.length === 0 ? 'Reported by the device' : 'Not in the template'}>
            <dl class="facts">
                {names.map((name) => (
                    <div>
                        <dt>
                            <code>{name}</code>
                        </dt>
                        <dd>{show(all[name])}</dd>
                    </div>
                ))}
            </dl>
        </Card>
    );
}
