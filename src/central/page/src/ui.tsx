// The page's own elements: few, plain, and labelled.
import { Component, createContext, type ComponentChildren, type JSX } from 'preact';
import { useCallback, useContext, useEffect, useId, useRef, useState } from 'preact/hooks';
import { ApiError, deviceState, type Device, type Issue } from './api';
import { ago, when } from './format';

export type Children = ComponentChildren;

// --- data ---

export interface Resource<T> {
    data: T | undefined;
    error: Error | undefined;
    loading: boolean;
    reload: () => void;
    set: (data: T) => void;
}

/** Asks once and whenever `deps` change; keeps the old answer while it asks again. */
export function useResource<T>(load: () => Promise<T>, deps: unknown[]): Resource<T> {
    const [state, setState] = useState<{ data?: T; error?: Error; loading: boolean }>({ loading: true });
    const [round, setRound] = useState(0);
    useEffect(() => {
        let current = true;
        setState(({ data }) => (data === undefined ? { loading: true } : { data, loading: true }));
        load().then(
            (data) => current && setState({ data, loading: false }),
            (error: Error) => current && setState(({ data }) => ({ ...(data === undefined ? {} : { data }), error, loading: false })),
        );
        return () => {
            current = false;
        };
    }, [...deps, round]);
    return {
        data: state.data,
        error: state.error,
        loading: state.loading,
        reload: useCallback(() => setRound((n) => n + 1), []),
        set: useCallback((data: T) => setState({ data, loading: false }), []),
    };
}

/** A value once it has not changed for a moment: not every letter is worth a request. */
export function useSettled<T>(value: T): T {
    const [settled, setSettled] = useState(value);
    useEffect(() => {
        const timer = setTimeout(() => setSettled(value), 250);
        return () => clearTimeout(timer);
    }, [value]);
    return settled;
}

export function useInterval(run: () => void, ms: number | null): void {
    const last = useRef(run);
    last.current = run;
    useEffect(() => {
        if (ms === null) return undefined;
        const timer = setInterval(() => document.hidden || last.current(), ms);
        return () => clearInterval(timer);
    }, [ms]);
}

// --- messages ---

const Say = createContext<(text: string, bad?: boolean) => void>(() => undefined);
export const useSay = (): ((text: string, bad?: boolean) => void) => useContext(Say);

interface Note {
    key: number;
    text: string;
    bad: boolean;
}

/** Short notes at the edge, read out by screen readers. */
export function Notes({ children }: { children: Children }): JSX.Element {
    const [notes, setNotes] = useState<Note[]>([]);
    const next = useRef(0);
    const drop = (key: number): void => setNotes((all) => all.filter((note) => note.key !== key));
    const say = useCallback((text: string, bad = false) => {
        const key = next.current++;
        setNotes((all) => [...all.slice(-3), { key, text, bad }]);
        setTimeout(() => drop(key), bad ? 12000 : 5000);
    }, []);
    return (
        <Say.Provider value={say}>
            {children}
            <div class="notes" role="status" aria-live="polite">
                {notes.map((note) => (
                    <div key={note.key} class={note.bad ? 'note bad' : 'note'}>
                        <span>{note.text}</span>
                        <button class="bare" aria-label="Dismiss" onClick={() => drop(note.key)}>
                            <Icon name="close" />
                        </button>
                    </div>
                ))}
            </div>
        </Say.Provider>
    );
}

/** Runs what a button asks for: busy meanwhile, and the service's sentence when it fails. */
export function useAction(): [boolean, (run: () => Promise<unknown>, done?: string) => Promise<boolean>] {
    const [busy, setBusy] = useState(false);
    const say = useSay();
    const act = async (run: () => Promise<unknown>, done?: string): Promise<boolean> => {
        setBusy(true);
        try {
            await run();
            if (done !== undefined) say(done);
            return true;
        } catch (error) {
            say((error as Error).message, true);
            return false;
        } finally {
            setBusy(false);
        }
    };
    return [busy, act];
}

export function Problem({ error }: { error: Error | undefined }): JSX.Element | null {
    if (error === undefined) return null;
    const issues = error instanceof ApiError ? error.issues : [];
    const missing = error instanceof ApiError && error.status === 404 && error.message.startsWith('There is nothing at');
    return (
        <div class="problem" role="alert">
            <p>{missing ? 'This service does not offer that yet.' : issues.length > 0 ? 'The service found these problems:' : error.message}</p>
            {issues.length > 0 && <Issues issues={issues} />}
        </div>
    );
}

function Issues({ issues }: { issues: Issue[] }): JSX.Element {
    return (
        <ol class="issues">
            {issues.map((issue) => (
                <li>
                    {issue.line !== undefined && (
                        <b>
                            Line {issue.line}
                            {issue.column !== undefined && `:${issue.column}`}
                        </b>
                    )}{' '}
                    {issue.message ?? JSON.stringify(issue)} {issue.pointer !== undefined && <code>{issue.pointer}</code>}
                    {issue.hint !== undefined && <span class="dim"> {issue.hint}</span>}
                </li>
            ))}
        </ol>
    );
}

/** Loading, failed, empty or there. Keeps its height while it loads. */
export function Loaded<T>(props: { of: Resource<T>; children: (data: T) => Children; lines?: number }): JSX.Element {
    const { data, error } = props.of;
    if (data !== undefined)
        return (
            <>
                <Problem error={error} />
                {props.children(data)}
            </>
        );
    if (error !== undefined) return <Problem error={error} />;
    return <Waiting lines={props.lines} />;
}

export function Waiting({ lines }: { lines?: number | undefined }): JSX.Element {
    return (
        <div class="skeleton" aria-busy="true" aria-label="Loading">
            {Array.from({ length: lines ?? 5 }, () => (
                <div />
            ))}
        </div>
    );
}

export function Empty(props: { title: string; children?: Children }): JSX.Element {
    return (
        <div class="empty">
            <p class="empty-title">{props.title}</p>
            {props.children}
        </div>
    );
}

// --- layout ---

export function Page(props: { title: Children; actions?: Children; back?: { href: string; text: string }; lead?: Children; children: Children }): JSX.Element {
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => {
        const text = heading.current?.textContent ?? '';
        document.title = text === '' ? 'Spoke Central' : `${text} – Spoke Central`;
    });
    return (
        <>
            <header class="page-head">
                <div class="page-title">
                    {props.back !== undefined && (
                        <a class="back" href={props.back.href}>
                            <Icon name="back" /> {props.back.text}
                        </a>
                    )}
                    <h1 ref={heading} tabIndex={-1}>
                        {props.title}
                    </h1>
                    {props.lead !== undefined && <p class="lead">{props.lead}</p>}
                </div>
                {props.actions !== undefined && <div class="actions">{props.actions}</div>}
            </header>
            {props.children}
        </>
    );
}

export function Card(props: { title?: Children; actions?: Children; class?: string; children: Children; level?: 2 | 3 }): JSX.Element {
    const Heading = props.level === 3 ? 'h3' : 'h2';
    return (
        <section class={`card ${props.class ?? ''}`}>
            {props.title !== undefined && (
                <div class="card-head">
                    <Heading>{props.title}</Heading>
                    {props.actions}
                </div>
            )}
            {props.children}
        </section>
    );
}

export interface Tab {
    key: string;
    text: string;
    href: string;
}

/** Tabs are links: each has an address. */
export function Tabs({ tabs, current, label }: { tabs: Tab[]; current: string; label: string }): JSX.Element {
    const chosen = useRef<HTMLAnchorElement>(null);
    useEffect(() => chosen.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [current]);
    return (
        <nav class="tabs" aria-label={label}>
            {tabs.map((tab) => (
                <a href={tab.href} aria-current={tab.key === current ? 'page' : undefined} ref={tab.key === current ? chosen : undefined}>
                    {tab.text}
                </a>
            ))}
        </nav>
    );
}

// --- small things ---

const PATHS: Record<string, string> = {
    devices: 'M4 6h16v9H4zM9 19h6M12 15v4',
    dashboards: 'M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z',
    analytics: 'M4 19h16M5 15l4-5 4 3 6-8',
    table: 'M4 5h16v14H4zM4 10h16M4 14.500h16M10 10v9',
    groups: 'M4 5h7v6H4zM13 5h7v6h-7zM8.500 13h7v6h-7z',
    templates: 'M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6',
    jobs: 'M4 6h11M4 12h11M4 18h7M15 17l2 2 4-4',
    connect: 'M9 7V3M15 7V3M6 7h12v4a6 6 0 0 1-12 0zM12 17v4',
    access: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4',
    organizations: 'M9 3h6v5H9zM3 16h6v5H3zM15 16h6v5h-6zM12 8v4M6 16v-4h12v4',
    close: 'M6 6l12 12M18 6L6 18',
    back: 'M14 6l-6 6 6 6',
    menu: 'M4 7h16M4 12h16M4 17h16',
    plus: 'M12 5v14M5 12h14',
    copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
    moon: 'M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500z',
    sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
    out: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
    right: 'M9 6l6 6-6 6',
    up: 'M6 15l6-6 6 6',
    down: 'M6 9l6 6 6-6',
    move: 'M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3',
    edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
    settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5',
};

export function Icon({ name }: { name: keyof typeof PATHS & string }): JSX.Element {
    return (
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d={PATHS[name] ?? ''} />
        </svg>
    );
}

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'info' | 'sim';
export function Badge({ tone, children }: { tone: Tone; children: Children }): JSX.Element {
    return <span class={`badge ${tone}`}>{children}</span>;
}

const STATES = {
    waiting: ['warn', 'Waiting for approval'],
    registered: ['info', 'Registered'],
    provisioned: ['good', 'Provisioned'],
    blocked: ['bad', 'Blocked'],
} as const;

export function StateBadge({ device }: { device: Device }): JSX.Element {
    const [tone, text] = STATES[deviceState(device)];
    return (
        <span class="badges">
            <Badge tone={tone}>{text}</Badge>
            {device.simulated === true && <Badge tone="sim">Simulated</Badge>}
        </span>
    );
}

export function Online({ device }: { device: Device }): JSX.Element {
    if (device.connected === true)
        return (
            <span class="online">
                <span class="dot on" /> Connected
            </span>
        );
    return (
        <span class="online dim" title={when(device.lastSeenTime)}>
            <span class="dot" /> {device.lastSeenTime === undefined ? 'Never seen' : ago(device.lastSeenTime)}
        </span>
    );
}

export function Field(props: { label: Children; hint?: Children; children: (id: string, described: string | undefined) => Children }): JSX.Element {
    const own = useId();
    const hint = `${own}-hint`;
    return (
        <div class="field">
            <label for={own}>{props.label}</label>
            {props.children(own, props.hint !== undefined ? hint : undefined)}
            {props.hint !== undefined && (
                <p class="hint" id={hint}>
                    {props.hint}
                </p>
            )}
        </div>
    );
}

export function TextField(props: {
    label: string;
    value: string;
    onInput: (value: string) => void;
    hint?: Children;
    placeholder?: string;
    required?: boolean;
    rows?: number;
    type?: 'text' | 'password';
    mono?: boolean;
    pattern?: string;
    autofocus?: boolean;
    list?: string[];
}): JSX.Element {
    const lines = props.rows;
    return (
        <Field label={props.label} hint={props.hint}>
            {(id, described) =>
                lines === undefined ? (
                    <>
                        <input
                            id={id}
                            class={props.mono ? 'mono' : ''}
                            type={(props.type ?? 'text') as 'text'}
                            value={props.value}
                            placeholder={props.placeholder}
                            required={props.required}
                            pattern={props.pattern}
                            autofocus={props.autofocus}
                            autocomplete="off"
                            spellcheck={false}
                            list={props.list !== undefined ? `${id}-list` : undefined}
                            aria-describedby={described}
                            onInput={(event) => props.onInput(event.currentTarget.value)}
                        />
                        {props.list !== undefined && (
                            <datalist id={`${id}-list`}>
                                {props.list.map((item) => (
                                    <option value={item} />
                                ))}
                            </datalist>
                        )}
                    </>
                ) : (
                    <textarea
                        id={id}
                        class={props.mono ? 'mono' : ''}
                        rows={lines}
                        value={props.value}
                        placeholder={props.placeholder}
                        required={props.required}
                        spellcheck={false}
                        aria-describedby={described}
                        onInput={(event) => props.onInput(event.currentTarget.value)}
                    />
                )
            }
        </Field>
    );
}

export function SelectField(props: {
    label: string;
    value: string;
    onInput: (value: string) => void;
    options: [value: string, text: string][];
    hint?: Children;
    required?: boolean;
}): JSX.Element {
    return (
        <Field label={props.label} hint={props.hint}>
            {(id, described) => (
                <select
                    id={id}
                    required={props.required}
                    aria-describedby={described}
                    value={props.value}
                    onInput={(event) => props.onInput(event.currentTarget.value)}
                >
                    {props.options.map(([value, text]) => (
                        <option value={value}>{text}</option>
                    ))}
                </select>
            )}
        </Field>
    );
}

export function Dialog(props: { title: string; onClose: () => void; children: Children; wide?: boolean }): JSX.Element {
    const box = useRef<HTMLDialogElement>(null);
    const heading = useId();
    useEffect(() => {
        const dialog = box.current;
        dialog?.showModal();
        return () => dialog?.close();
    }, []);
    return (
        <dialog ref={box} class={props.wide ? 'wide' : ''} aria-labelledby={heading} onCancel={(event) => (event.preventDefault(), props.onClose())}>
            <div class="card-head">
                <h2 id={heading}>{props.title}</h2>
                <button class="bare" aria-label="Close" onClick={props.onClose}>
                    <Icon name="close" />
                </button>
            </div>
            {props.children}
        </dialog>
    );
}

/** A form in a dialog: its button sends, and a refusal stays in view. */
export function FormDialog(props: {
    title: string;
    submit: string;
    danger?: boolean;
    wide?: boolean;
    onClose: () => void;
    onSubmit: () => Promise<unknown>;
    children: Children;
}): JSX.Element {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<Error>();
    const send = async (event: Event): Promise<void> => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        try {
            await props.onSubmit();
            props.onClose();
        } catch (failed) {
            setError(failed as Error);
            setBusy(false);
        }
    };
    return (
        <Dialog title={props.title} onClose={props.onClose} wide={props.wide ?? false}>
            <form onSubmit={(event) => void send(event)}>
                {props.children}
                <Problem error={error} />
                <div class="form-actions">
                    <button type="button" onClick={props.onClose}>
                        Cancel
                    </button>
                    <button class={props.danger === true ? 'danger' : 'primary'} disabled={busy}>
                        {props.submit}
                    </button>
                </div>
            </form>
        </Dialog>
    );
}

export function Confirm(props: { title: string; text: Children; submit: string; onClose: () => void; onSubmit: () => Promise<unknown> }): JSX.Element {
    return (
        <FormDialog title={props.title} submit={props.submit} danger onClose={props.onClose} onSubmit={props.onSubmit}>
            <p>{props.text}</p>
        </FormDialog>
    );
}

export function Copy({ text, label }: { text: string; label: string }): JSX.Element {
    const say = useSay();
    const copy = async (): Promise<void> => {
        try {
            await navigator.clipboard.writeText(text);
            say(`${label} copied.`);
        } catch {
            say('The browser does not allow copying here; select the text and copy it.', true);
        }
    };
    return (
        <button class="bare" type="button" aria-label={`Copy ${label}`} title={`Copy ${label}`} onClick={() => void copy()}>
            <Icon name="copy" />
        </button>
    );
}

/** A secret: hidden until asked for. */
export function Secret({ value, label }: { value: string; label: string }): JSX.Element {
    const [shown, setShown] = useState(false);
    return (
        <span class="secret">
            <code>{shown ? value : '•'.repeat(16)}</code>
            <button type="button" class="small" aria-pressed={shown} aria-label={`${shown ? 'Hide' : 'Show'} ${label}`} onClick={() => setShown(!shown)}>
                {shown ? 'Hide' : 'Show'}
            </button>
            <Copy text={value} label={label} />
        </span>
    );
}

/** A `secret` in the text is hidden until asked for; what is copied has it. */
export function Code({ text, label, secret = '' }: { text: string; label: string; secret?: string | undefined }): JSX.Element {
    const [shown, setShown] = useState(false);
    return (
        <div class="code">
            <div class="code-tools">
                {secret !== '' && (
                    <button type="button" class="small" aria-pressed={shown} aria-label={`${shown ? 'Hide' : 'Show'} key in the ${label}`} onClick={() => setShown(!shown)}>
                        {shown ? 'Hide key' : 'Show key'}
                    </button>
                )}
                <Copy text={text} label={label} />
            </div>
            <pre tabIndex={0} role="region" aria-label={label}>
                <code>{secret === '' || shown ? text : text.replaceAll(secret, '•'.repeat(16))}</code>
            </pre>
        </div>
    );
}

export interface Column<T> {
    name: string;
    cell: (row: T) => Children;
    class?: string;
}

/** A table that becomes a list of cards where the screen is narrow. */
export function Table<T>(props: { columns: Column<T>[]; rows: T[]; label: string; keyOf: (row: T) => string; keep?: boolean }): JSX.Element {
    return (
        <div class={props.keep === true ? 'table-box keep' : 'table-box'} tabIndex={props.keep === true ? 0 : undefined} role={props.keep === true ? 'region' : undefined} aria-label={props.keep === true ? props.label : undefined}>
            <table>
                <caption class="hidden">{props.label}</caption>
                <thead>
                    <tr>
                        {props.columns.map((column) => (
                            <th scope="col" class={column.class}>
                                {column.name}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {props.rows.map((row) => (
                        <tr key={props.keyOf(row)}>
                            {props.columns.map((column) => (
                                <td class={column.class} data-name={column.name}>
                                    {column.cell(row)}
                                </td>
                            ))}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

export function Facts({ items }: { items: [string, Children][] }): JSX.Element {
    return (
        <dl class="facts">
            {items.map(([name, value]) => (
                <div>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

/** A mistake of the page itself should leave the rest usable. */
export class Guard extends Component<{ children: Children; at: string }, { error?: Error }> {
    override state: { error?: Error } = {};
    override componentDidCatch(error: Error): void {
        this.setState({ error });
    }
    override componentDidUpdate(before: { at: string }): void {
        if (before.at !== this.props.at && this.state.error !== undefined) this.setState({ error: undefined as never });
    }
    override render(): Children {
        if (this.state.error === undefined) return this.props.children;
        return (
            <div class="problem" role="alert">
                <p>This view could not be shown: {this.state.error.message}</p>
            </div>
        );
    }
}
