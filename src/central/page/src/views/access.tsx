// Who may do what: API tokens, users, roles, enrolment groups.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { id, put } from '../api';
import { when } from '../format';
import { Badge, Card, Code, Dialog, FormDialog, Page, SelectField, Tabs, TextField } from '../ui';
import { Audit } from './audit';
import { EnrolmentGroups, EnrolmentGroupView } from './enrolment';
import { EntityList, freshId, NewButton, useEntities, type Entity } from './entities';

interface RoleRef {
    role: string;
    organization?: string;
}
interface Token extends Entity {
    roles?: RoleRef[];
    expiry?: string;
    token?: string;
}
interface User extends Entity {
    type?: string;
    email?: string;
    roles?: RoleRef[];
}
interface Role extends Entity {
    rights?: string[];
}
export interface Organization extends Entity {
    parent?: string;
}

const TABS: [string, string][] = [
    ['tokens', 'API tokens'],
    ['users', 'Users'],
    ['roles', 'Roles'],
    ['enrolment', 'Enrolment groups'],
    ['audit', 'Audit'],
];

export function AccessView({ tab, group }: { tab: string; group: string | undefined }): JSX.Element {
    if (tab === 'enrolment' && group !== undefined) return <EnrolmentGroupView key={group} group={group} />;
    return (
        <Page title="Access" lead="What people, programs and devices have to show to be let in.">
            <Tabs label="Access" current={tab} tabs={TABS.map(([key, text]) => ({ key, text, href: `#/access/${key}` }))} />
            {tab === 'users' ? <Users /> : tab === 'roles' ? <Roles /> : tab === 'enrolment' ? <EnrolmentGroups /> : tab === 'audit' ? <Audit /> : <Tokens />}
        </Page>
    );
}

function RoleNames({ of, roles }: { of: RoleRef[] | undefined; roles: Role[] }): JSX.Element {
    return (
        <>
            {(of ?? []).map((one) => (
                <span class="sub">
                    {roles.find((role) => role.id === one.role)?.displayName ?? one.role}
                    {one.organization !== undefined && <span class="dim"> in {one.organization}</span>}
                </span>
            ))}
        </>
    );
}

interface RoleChoice {
    role: string;
    organization: string;
}

function RoleFields(props: { value: RoleChoice; onChange: (value: RoleChoice) => void; roles: Role[]; organizations: Organization[] }): JSX.Element {
    return (
        <div class="form-row">
            <SelectField
                label="Role"
                required
                value={props.value.role}
                onInput={(role) => props.onChange({ ...props.value, role })}
                options={[['', 'Choose…'], ...props.roles.map((one): [string, string] => [one.id, one.displayName ?? one.id])]}
            />
            <SelectField
                label="Organization"
                value={props.value.organization}
                onInput={(organization) => props.onChange({ ...props.value, organization })}
                options={[['', 'All'], ...props.organizations.map((one): [string, string] => [one.id, one.displayName ?? one.id])]}
            />
        </div>
    );
}

const roleRefs = ({ role, organization }: RoleChoice): RoleRef[] => [organization === '' ? { role } : { role, organization }];

const LIVES: [days: string, text: string][] = [
    ['1', 'One day'],
    ['30', '30 days'],
    ['90', '90 days'],
    ['365', 'One year'],
];

function Tokens(): JSX.Element {
    const list = useEntities<Token>('/apiTokens');
    const roles = useEntities<Role>('/roles').data ?? [];
    const organizations = useEntities<Organization>('/organizations').data ?? [];
    const [making, setMaking] = useState(false);
    const [made, setMade] = useState<Token>();
    return (
        <>
            <div class="toolbar">
                <NewButton what="token" right="people.write" onClick={() => setMaking(true)} />
            </div>
            <EntityList
                path="/apiTokens"
                what="token"
                right="people.write"
                list={list}
                empty={<p>Programs sign in with a token of their own, so that it can be taken back.</p>}
                add={() => setMaking(true)}
                columns={[
                    { name: 'Token', class: 'main', cell: (one) => <b>{one.id}</b> },
                    { name: 'Role', cell: (one) => <RoleNames of={one.roles} roles={roles} /> },
                    {
                        name: 'Valid until',
                        cell: (one) => (one.expiry !== undefined && Date.parse(one.expiry) < Date.now() ? <Badge tone="bad">Expired</Badge> : when(one.expiry)),
                    },
                ]}
            />
            {making && <NewToken roles={roles} organizations={organizations} onClose={() => setMaking(false)} onDone={(token) => (setMade(token), list.reload())} />}
            {made?.token !== undefined && (
                <Dialog title={`Token ${made.id}`} onClose={() => setMade(undefined)} wide>
                    <p>Copy it now: it is shown this once, and the service keeps only its fingerprint.</p>
                    <Code label="token" text={made.token} />
                </Dialog>
            )}
        </>
    );
}

function NewToken(props: { roles: Role[]; organizations: Organization[]; onClose: () => void; onDone: (token: Token) => void }): JSX.Element {
    const [name, setName] = useState('');
    const [choice, setChoice] = useState<RoleChoice>({ role: '', organization: '' });
    const [days, setDays] = useState('365');
    const make = async (): Promise<void> => {
        const expiry = new Date(Date.now() + Number(days) * 86400e3).toISOString();
        props.onDone(await put<Token>(`/apiTokens/${id(name)}`, { roles: roleRefs(choice), expiry }));
    };
    return (
        <FormDialog title="New API token" submit="Create" onClose={props.onClose} onSubmit={make}>
            <TextField label="Token id" required autofocus value={name} onInput={setName} pattern="[A-Za-z0-9_\-]+" hint="Letters, digits, - and _." />
            <RoleFields value={choice} onChange={setChoice} roles={props.roles} organizations={props.organizations} />
            <SelectField label="Valid for" value={days} onInput={setDays} options={LIVES} />
        </FormDialog>
    );
}

function Users(): JSX.Element {
    const list = useEntities<User>('/users');
    const roles = useEntities<Role>('/roles').data ?? [];
    const organizations = useEntities<Organization>('/organizations').data ?? [];
    const [open, setOpen] = useState<User | 'new'>();
    return (
        <>
            <div class="toolbar">
                <NewButton what="user" right="people.write" onClick={() => setOpen('new')} />
            </div>
            <EntityList
                path="/users"
                what="user"
                right="people.write"
                list={list}
                empty={<p>A user is a person with a role. Give each one a token to sign in with.</p>}
                edit={setOpen}
                columns={[
                    { name: 'User', class: 'main', cell: (one) => <b>{one.email ?? one.id}</b> },
                    { name: 'Kind', cell: (one) => one.type ?? '–' },
                    { name: 'Role', cell: (one) => <RoleNames of={one.roles} roles={roles} /> },
                ]}
            />
            {open !== undefined && <UserForm user={open === 'new' ? undefined : open} roles={roles} organizations={organizations} onClose={() => setOpen(undefined)} onDone={list.reload} />}
        </>
    );
}

function UserForm(props: { user: User | undefined; roles: Role[]; organizations: Organization[]; onClose: () => void; onDone: () => void }): JSX.Element {
    const { user } = props;
    const first = user?.roles?.[0];
    const isPerson = (user?.type ?? 'email') === 'email'; // others are known by what a directory calls them
    const [email, setEmail] = useState(user?.email ?? '');
    const [choice, setChoice] = useState<RoleChoice>({ role: first?.role ?? '', organization: first?.organization ?? '' });
    const save = async (): Promise<void> => {
        const who = isPerson ? { type: 'email', email } : {};
        await put(`/users/${id(user?.id ?? freshId('user'))}`, { ...user, ...who, roles: [...roleRefs(choice), ...(user?.roles ?? []).slice(1)] });
        props.onDone();
    };
    return (
        <FormDialog title={user === undefined ? 'New user' : `Edit ${user.email ?? user.id}`} submit="Save" onClose={props.onClose} onSubmit={save}>
            {isPerson && <TextField label="E-mail" required autofocus value={email} onInput={setEmail} />}
            <RoleFields value={choice} onChange={setChoice} roles={props.roles} organizations={props.organizations} />
        </FormDialog>
    );
}

const BUILT_IN = new Set(['Administrator', 'Builder', 'Operator']);

function Roles(): JSX.Element {
    const list = useEntities<Role>('/roles');
    const [open, setOpen] = useState<Role | 'new'>();
    return (
        <>
            <div class="toolbar">
                <NewButton what="role" right="people.write" onClick={() => setOpen('new')} />
            </div>
            <EntityList
                path="/roles"
                what="role"
                right="people.write"
                list={list}
                empty={null}
                edit={setOpen}
                fixed={(one) => BUILT_IN.has(one.displayName ?? '')}
                columns={[
                        { name: 'Role', class: 'main', cell: (one) => <b>{one.displayName ?? one.id}</b> },
                        { name: 'Id', cell: (one) => <code class="nowrap">{one.id}</code> },
                        { name: 'May', class: 'long', cell: (one) => <span class="dim">{(one.rights ?? []).join(', ') || '–'}</span> },
                ]}
            />
            {open !== undefined && <RoleForm of={open === 'new' ? undefined : open} known={list.data ?? []} onClose={() => setOpen(undefined)} onDone={list.reload} />}
        </>
    );
}

function RoleForm(props: { of: Role | undefined; known: Role[]; onClose: () => void; onDone: () => void }): JSX.Element {
    const [name, setName] = useState(props.of?.displayName ?? '');
    const [rights, setRights] = useState(props.of?.rights ?? []);
    const all = [...new Set(props.known.flatMap((one) => one.rights ?? []))]; // the administrator has every one
    const save = async (): Promise<void> => {
        await put(`/roles/${id(props.of?.id ?? freshId('role'))}`, { displayName: name, rights });
        props.onDone();
    };
    return (
        <FormDialog title={props.of === undefined ? 'New role' : `Edit ${name}`} submit="Save" onClose={props.onClose} onSubmit={save}>
            <TextField label="Name" required autofocus value={name} onInput={setName} />
            <fieldset class="field choices">
                <legend>May</legend>
                {all.map((right) => (
                    <label class="check">
                        <input
                            type="checkbox"
                            checked={rights.includes(right)}
                            onInput={(event) => setRights(event.currentTarget.checked ? [...rights, right] : rights.filter((one) => one !== right))}
                        />
                        <span>{right}</span>
                    </label>
                ))}
            </fieldset>
        </FormDialog>
    );
}

export function OrganizationsView(): JSX.Element {
    const list = useEntities<Organization>('/organizations');
    const [open, setOpen] = useState<Organization | 'new'>();
    const all = list.data ?? [];
    return (
        <Page
            title="Organizations"
            lead="Who is bound to an organization sees its devices and those of the ones below it, and no others."
            actions={<NewButton what="organization" right="people.write" onClick={() => setOpen('new')} />}
        >
            <EntityList
                path="/organizations"
                what="organization"
                right="people.write"
                list={{ ...list, ...(list.data === undefined ? {} : { data: inOrder(all) }) }}
                empty={<p>They keep customers or sites apart. Without any, everybody sees all devices.</p>}
                edit={setOpen}
                columns={[
                    {
                        name: 'Organization',
                        class: 'main',
                        cell: (one) => (
                            <span class={`depth d${Math.min(depth(one, all), 5)}`}>
                                <b>{one.displayName ?? one.id}</b> <code class="dim">{one.id}</code>
                            </span>
                        ),
                    },
                    { name: 'Below', cell: (one) => all.find((other) => other.id === one.parent)?.displayName ?? one.parent ?? '–' },
                ]}
            />
            {open !== undefined && <OrganizationForm of={open === 'new' ? undefined : open} all={all} onClose={() => setOpen(undefined)} onDone={list.reload} />}
            <Card title="Devices of an organization" class="spaced">
                <p class="dim">A device belongs to those that its “organizations” names; an enrolment group may give new devices one.</p>
            </Card>
        </Page>
    );
}

function depth(of: Organization, all: Organization[]): number {
    let level = 0;
    for (let at = of.parent; at !== undefined && level < 6; level++) at = all.find((one) => one.id === at)?.parent;
    return level;
}

/** Parents before their children. */
function inOrder(all: Organization[]): Organization[] {
    const path = (of: Organization): string => {
        let text = of.id;
        let at = of.parent;
        for (let level = 0; at !== undefined && level < 6; level++) {
            text = `${at}/${text}`;
            at = all.find((one) => one.id === at)?.parent;
        }
        return text;
    };
    return [...all].sort((a, b) => (path(a) < path(b) ? -1 : 1));
}

function OrganizationForm(props: { of: Organization | undefined; all: Organization[]; onClose: () => void; onDone: () => void }): JSX.Element {
    const [name, setName] = useState(props.of?.displayName ?? '');
    const [parent, setParent] = useState(props.of?.parent ?? '');
    const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 48);
    const save = async (): Promise<void> => {
        await put(`/organizations/${id(props.of?.id ?? slug)}`, { displayName: name, ...(parent === '' ? {} : { parent }) });
        props.onDone();
    };
    return (
        <FormDialog title={props.of === undefined ? 'New organization' : `Edit ${props.of.id}`} submit="Save" onClose={props.onClose} onSubmit={save}>
            <TextField label="Name" required autofocus value={name} onInput={setName} hint={props.of === undefined ? <>Its id: <code>{slug || '…'}</code></> : undefined} />
            <SelectField
                label="Below"
                value={parent}
                onInput={setParent}
                options={[['', 'None: at the top'], ...props.all.filter((one) => one.id !== props.of?.id).map((one): [string, string] => [one.id, one.displayName ?? one.id])]}
            />
        </FormDialog>
    );
}
