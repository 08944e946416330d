// Enrolment groups: the keys or authorities by which devices that nobody has made come in.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { get, id, may, patch, post, put, remove } from '../api';
import { Badge, Card, Code, Confirm, Copy, Empty, Facts, Field, FormDialog, Loaded, Page, Problem, Secret, SelectField, TextField, useAction, useResource } from '../ui';
import { EntityList, NewButton, useEntities, type Entity } from './entities';

interface Authority {
    certificate: string;
    verified?: boolean;
    info?: { sha1Thumbprint?: string };
}

interface Group extends Entity {
    enabled?: boolean;
    type?: string;
    idScope?: string;
    attestation?: {
        type?: string;
        symmetricKey?: { primaryKey?: string; secondaryKey?: string };
        x509?: { signingCertificates?: Partial<Record<Entry, Authority>> };
    };
}

const ENTRIES = ['primary', 'secondary'] as const;
type Entry = (typeof ENTRIES)[number];
const RIGHT = 'enrolment.write';

const byCertificate = (group: Group): boolean => group.attestation?.type === 'x509';

function GroupState({ of }: { of: Group }): JSX.Element {
    if (of.enabled === false) return <Badge tone="bad">Disabled</Badge>;
    const authorities = Object.values(of.attestation?.x509?.signingCertificates ?? {});
    if (byCertificate(of) && !authorities.some((one) => one.verified === true)) return <Badge tone="warn">{authorities.length === 0 ? 'Has no authority' : 'Waits for proof'}</Badge>;
    return <Badge tone="good">Enabled</Badge>;
}

export function EnrolmentGroups(): JSX.Element {
    const list = useEntities<Group>('/enrollmentGroups');
    const [making, setMaking] = useState(false);
    return (
        <>
            <div class="toolbar">
                <NewButton what="enrolment group" right={RIGHT} onClick={() => setMaking(true)} />
            </div>
            <EntityList
                path="/enrollmentGroups"
                what="enrolment group"
                right={RIGHT}
                list={list}
                empty={<p>Devices of a group share a key or an authority, and appear by themselves.</p>}
                columns={[
                    {
                        name: 'Group',
                        class: 'main',
                        cell: (one) => (
                            <>
                                <a class="strong" href={`#/access/enrolment/${id(one.id)}`}>
                                    {one.displayName ?? one.id}
                                </a>
                                {one.displayName !== undefined && one.displayName !== one.id && <code class="dim sub">{one.id}</code>}
                            </>
                        ),
                    },
                    { name: 'Devices show', cell: (one) => (byCertificate(one) ? 'a certificate (X.509)' : 'a key of the group') },
                    { name: 'State', cell: (one) => <GroupState of={one} /> },
                ]}
            />
            {making && <NewGroup onClose={() => setMaking(false)} />}
        </>
    );
}

function NewGroup({ onClose }: { onClose: () => void }): JSX.Element {
    const [name, setName] = useState('');
    const [type, setType] = useState('symmetricKey');
    const own = name.replace(/[^A-Za-z0-9-]+/g, '-').replace(/^-+|-+$/g, '');
    const make = async (): Promise<void> => {
        await put(`/enrollmentGroups/${id(own)}`, { displayName: name, enabled: true, type: 'iot', attestation: { type } });
        location.hash = `#/access/enrolment/${id(own)}`;
    };
    return (
        <FormDialog title="New enrolment group" submit="Create" onClose={onClose} onSubmit={make}>
            <TextField label="Name" required autofocus value={name} onInput={setName} hint={<>Its id: <code>{own || '…'}</code></>} />
            <SelectField
                label="Devices show"
                value={type}
                onInput={setType}
                options={[
                    ['symmetricKey', 'A key that the group’s key gives them'],
                    ['x509', 'A certificate of an authority (X.509)'],
                ]}
                hint={type === 'x509' ? 'Next you upload the authority’s certificate and prove that you have its key.' : 'The service makes both keys of the group.'}
            />
        </FormDialog>
    );
}

export function EnrolmentGroupView({ group }: { group: string }): JSX.Element {
    const path = `/enrollmentGroups/${id(group)}`;
    const own = useResource(() => get<Group>(path), [group]);
    const [deleting, setDeleting] = useState(false);
    const [busy, act] = useAction();
    const { data } = own;
    const enabled = data?.enabled !== false;
    return (
        <Page
            title={data?.displayName ?? group}
            back={{ href: '#/access/enrolment', text: 'Enrolment groups' }}
            lead={
                data !== undefined && (
                    <span class="summary">
                        <GroupState of={data} />
                        <code>{group}</code>
                        <span class="dim">{byCertificate(data) ? 'Devices show a certificate' : 'Devices show a key'}</span>
                    </span>
                )
            }
            actions={
                data !== undefined &&
                may(RIGHT) && (
                    <>
                        <button disabled={busy} onClick={() => void act(() => patch(path, { enabled: !enabled }), enabled ? 'No more devices enrol by this group.' : 'Devices may enrol by this group.').then(own.reload)}>
                            {enabled ? 'Disable' : 'Enable'}
                        </button>
                        <button onClick={() => setDeleting(true)}>Delete</button>
                    </>
                )
            }
        >
            <Loaded of={own}>
                {(one) => (
                    <>
                        {byCertificate(one) ? <Authorities path={path} group={one} reload={own.reload} /> : <Keys path={path} group={one} reload={own.reload} />}
                        {one.idScope !== undefined && (
                            <Card title="For devices">
                                <Facts items={[['Id scope', <span class="secret"><code>{one.idScope}</code><Copy text={one.idScope} label="id scope" /></span>]]} />
                            </Card>
                        )}
                    </>
                )}
            </Loaded>
            {deleting && (
                <Confirm
                    title="Delete enrolment group"
                    text={<>Delete <b>{data?.displayName ?? group}</b>? Devices that came by it have to enrol by another one next time.</>}
                    submit="Delete"
                    onClose={() => setDeleting(false)}
                    onSubmit={async () => {
                        await remove(path);
                        location.hash = '#/access/enrolment';
                    }}
                />
            )}
        </Page>
    );
}

// --- keys ---

const KEY_OF = { primary: 'primaryKey', secondary: 'secondaryKey' } as const;

function Keys({ path, group, reload }: { path: string; group: Group; reload: () => void }): JSX.Element {
    const [rotating, setRotating] = useState<Entry>();
    const keys = group.attestation?.symmetricKey;
    const rotate = async (entry: Entry): Promise<void> => {
        await patch(path, { attestation: { type: 'symmetricKey', symmetricKey: { [KEY_OF[entry]]: null } } });
        reload();
    };
    return (
        <Card title="Keys of the group">
            <p class="dim">A device’s own key is HMAC-SHA256 of its id under one of these. Keep them where devices are made, never on a device.</p>
            <dl class="facts">
                {ENTRIES.map((entry) => (
                    <div>
                        <dt>{entry === 'primary' ? 'Primary key' : 'Secondary key'}</dt>
                        <dd class="with-action">
                            {keys?.[KEY_OF[entry]] === undefined ? <span class="dim">Not shown to you</span> : <Secret value={keys[KEY_OF[entry]] ?? ''} label={`${entry} key`} />}
                            {may(RIGHT) && (
                                <button class="small" onClick={() => setRotating(entry)} aria-label={`Rotate ${entry} key`}>
                                    Rotate
                                </button>
                            )}
                        </dd>
                    </div>
                ))}
            </dl>
            {rotating !== undefined && (
                <Confirm
                    title={`Rotate the ${rotating} key`}
                    text={`A fresh ${rotating} key takes its place. Devices whose keys came from the old one are refused the next time they provision or connect; the ${rotating === 'primary' ? 'secondary' : 'primary'} key goes on working.`}
                    submit="Rotate"
                    onClose={() => setRotating(undefined)}
                    onSubmit={() => rotate(rotating)}
                />
            )}
        </Card>
    );
}

// --- authorities ---

function Authorities({ path, group, reload }: { path: string; group: Group; reload: () => void }): JSX.Element {
    const there = group.attestation?.x509?.signingCertificates ?? {};
    return (
        <div class="columns">
            {ENTRIES.map((entry) => (
                <AuthorityCard key={entry} entry={entry} of={there[entry]} path={`${path}/certificates/${entry}`} reload={reload} />
            ))}
        </div>
    );
}

interface AuthorityProps {
    entry: Entry;
    of: Authority | undefined;
    path: string;
    reload: () => void;
}

function AuthorityCard({ entry, of, path, reload }: AuthorityProps): JSX.Element {
    const [open, setOpen] = useState<'upload' | 'delete'>();
    const name = entry === 'primary' ? 'Primary authority' : 'Secondary authority';
    const state = of === undefined ? <Badge tone="dim">None</Badge> : of.verified === true ? <Badge tone="good">Verified</Badge> : <Badge tone="warn">Waits for proof</Badge>;
    return (
        <Card title={name} actions={state}>
            {of === undefined ? (
                <Empty title="No certificate yet">
                    <p>{entry === 'primary' ? 'A root or an intermediate: devices show certificates that lead to it.' : 'For a change of the authority: verify the next one here, move the devices over, then delete the primary.'}</p>
                    {may(RIGHT) && <button onClick={() => setOpen('upload')}>Upload certificate</button>}
                </Empty>
            ) : (
                <>
                    <Facts items={[['Thumbprint (SHA-1)', <code>{of.info?.sha1Thumbprint ?? '–'}</code>]]} />
                    {of.verified !== true && may(RIGHT) && <Proof path={path} reload={reload} />}
                    {may(RIGHT) && (
                        <div class="row-actions spaced">
                            <button class="small" onClick={() => setOpen('upload')}>
                                Replace
                            </button>
                            <button class="small" onClick={() => setOpen('delete')} aria-label={`Delete ${entry} authority`}>
                                Delete
                            </button>
                        </div>
                    )}
                </>
            )}
            {open === 'upload' && <Upload title={`Upload the ${entry} authority`} hint="PEM of a root or an intermediate certificate." onClose={() => setOpen(undefined)} onSend={(certificate) => put(path, { certificate }).then(reload)} />}
            {open === 'delete' && (
                <Confirm title="Delete authority" text="Devices with certificates of it are refused from then on." submit="Delete" onClose={() => setOpen(undefined)} onSubmit={() => remove(path).then(reload)} />
            )}
        </Card>
    );
}

/** The two steps that show that somebody has the authority's key. */
function Proof({ path, reload }: { path: string; reload: () => void }): JSX.Element {
    const [code, setCode] = useState('');
    const [proving, setProving] = useState(false);
    const [busy, act] = useAction();
    const make = (): void => void act(async () => setCode((await post<{ verificationCode: string }>(`${path}/generateVerificationCode`)).verificationCode));
    return (
        <div class="proof">
            <p>
                Until it is proven that you have the authority’s key, no device comes in by it. Sign a certificate whose common name is a code that the service makes.
            </p>
            {code === '' ? (
                <button class="primary" disabled={busy} onClick={make}>
                    Make verification code
                </button>
            ) : (
                <>
                    <p class="secret">
                        Code: <code>{code}</code> <Copy text={code} label="verification code" />
                    </p>
                    <p>Where the key is:</p>
                    <Code label="proof command" text={`openssl req -newkey rsa:2048 -nodes -keyout proof.key -subj "/CN=${code}" |\n  openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -out proof.pem`} />
                    <button class="primary" onClick={() => setProving(true)}>
                        Upload proof
                    </button>
                </>
            )}
            {proving && <Upload title="Upload the proof" hint={<>The certificate that you signed, <code>proof.pem</code>.</>} onClose={() => setProving(false)} onSend={(certificate) => post(`${path}/verify`, { certificate }).then(reload)} />}
        </div>
    );
}

function Upload(props: { title: string; hint: JSX.Element | string; onClose: () => void; onSend: (certificate: string) => Promise<unknown> }): JSX.Element {
    const [text, setText] = useState('');
    const [error, setError] = useState<Error>();
    const choose = async (file: File | undefined): Promise<void> => {
        if (file === undefined) return;
        const bytes = new Uint8Array(await file.arrayBuffer());
        const read = new TextDecoder().decode(bytes);
        setError(file.size > 20000 ? new Error('That is no certificate: it is too long.') : undefined);
        setText(read.includes('-----BEGIN') ? read : btoa(String.fromCharCode(...bytes.slice(0, 20000)))); // DER
    };
    return (
        <FormDialog title={props.title} submit="Upload" onClose={props.onClose} onSubmit={() => props.onSend(text)}>
            <Field label="File" hint={props.hint}>
                {(own, hint) => <input id={own} aria-describedby={hint} type="file" accept=".pem,.crt,.cer,.der" onChange={(event) => void choose(event.currentTarget.files?.[0])} />}
            </Field>
            <Problem error={error} />
            <TextField label="Or its text" mono required rows={6} value={text} onInput={setText} placeholder="-----BEGIN CERTIFICATE-----" />
        </FormDialog>
    );
}
