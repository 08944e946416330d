// The REST API: a token, one function that asks, pages, and errors as the service words them.

const VERSION = 'api-version=2022-10-31-preview';
const STORED = 'spoke-token';

export interface Issue {
    line?: number;
    column?: number;
    pointer?: string;
    rule?: string;
    message?: string;
    hint?: string;
    [other: string]: unknown;
}

export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly issues: Issue[] = [],
    ) {
        super(message);
    }
}

/** What a link would sign in as while another session runs: it is asked about, and never just done. */
export interface Offer {
    token: string;
    to: string;
}

let offer: Offer | undefined;
let hearOffer: () => void = () => undefined;
readLink('#/devices');
let token = sessionStorage.getItem(STORED);
let hearSignOut: (why: string) => void = () => undefined;

function decoded(text: string): string | undefined {
    try {
        const own = decodeURIComponent(text);
        return /^[\x20-\x7e]+$/.test(own) ? own : undefined; // what a header can carry
    } catch {
        return undefined;
    }
}

// A link that signs in carries the token in its fragment (#token=...&to=/devices/x): no server ever sees it, and the
// address bar loses it here, before anything else happens. `stay` is where one is while another session runs.
function readLink(stay: string): void {
    const [, given, to = '/devices'] = /^#token=([^&]+)(?:&to=(\/.*))?$/.exec(location.hash) ?? [];
    if (given === undefined) return;
    const own = decoded(given);
    const now = sessionStorage.getItem(STORED);
    const asked = now !== null && own !== now;
    history.replaceState(null, '', `${location.pathname}${asked ? stay : `#${to}`}`);
    offer = asked && own !== undefined ? { token: own, to } : undefined;
    if (now === null && own !== undefined) sessionStorage.setItem(STORED, own);
}

// The same link in a tab that shows the page already.
addEventListener('hashchange', (event) => {
    if (!location.hash.startsWith('#token=')) return;
    readLink(new URL(event.oldURL).hash);
    if (token !== null && token === sessionStorage.getItem(STORED) && offer !== undefined) hearOffer();
    else location.reload();
});

export const offered = (): Offer | undefined => offer;

export function onOffer(hear: () => void): void {
    hearOffer = hear;
}

export function declineOffer(): void {
    offer = undefined;
}

export function takeOffer({ token: given, to }: Offer): void {
    sessionStorage.setItem(STORED, given);
    history.replaceState(null, '', `#${to}`);
    location.reload();
}

export const signedIn = (): boolean => token !== null;

export function onSignOut(hear: (why: string) => void): void {
    hearSignOut = hear;
}

export function signOut(why = ''): void {
    token = null;
    me = undefined;
    kept.clear();
    sessionStorage.removeItem(STORED);
    hearSignOut(why);
}

export interface Me {
    id: string;
    applicationId?: string;
    rights: string[];
    roles: { role: string; organization?: string }[];
}

let me: Me | undefined;

/** Who is signed in; asks the service once. */
export async function whoAmI(): Promise<Me> {
    me ??= await get<Me>('/me');
    return me;
}

/** Whose a token is that nobody is signed in with. */
export async function whoHas(given: string): Promise<Me> {
    const answer = await patiently(url('/me'), {}, given);
    const text = await answer.text();
    if (!answer.ok) throw failure(answer.status, text);
    return JSON.parse(text) as Me;
}

/** Whether to offer it; what is offered is still checked by the service. */
export const may = (right: string): boolean => me === undefined || me.rights.includes(right);

const BUILT_IN: Record<string, string> = {
    'ca310b8d-2f4a-44e0-a36e-957c202cd8d4': 'Administrator',
    '344138e9-8de4-4497-8c54-5237e96d6aaf': 'Builder',
    'ae2c9854-393b-4f97-8c42-479d70ce626e': 'Operator',
};

/** Who somebody is, for people: a token's id says little, and "bootstrap" nothing. */
export function nameOf({ id, roles }: Me): { name: string; role: string } {
    const named = roles.map(({ role, organization }) => (BUILT_IN[role] ?? role) + (organization === undefined ? '' : ` in ${organization}`));
    return id === 'bootstrap' ? { name: 'Start-up token', role: 'Administrator' } : { name: id, role: named.join(', ') };
}

/** Keeps the token once the service accepts it. */
export async function signIn(text: string): Promise<void> {
    token = text.trim().replace(/^Authorization:\s*/i, '');
    try {
        await whoAmI();
        sessionStorage.setItem(STORED, token);
    } catch (error) {
        token = null;
        throw error;
    }
}

export type Query = Record<string, string | undefined>;

export function url(path: string, query: Query = {}): string {
    const extra = Object.entries(query)
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => `&${encodeURIComponent(name)}=${encodeURIComponent(value ?? '')}`)
        .join('');
    return `/api${path}?${VERSION}${extra}`;
}

function failure(status: number, text: string): ApiError {
    try {
        const { error } = JSON.parse(text) as { error: { code: string; message: string; issues?: Issue[] } };
        return new ApiError(status, error.code, error.message, error.issues);
    } catch {
        return new ApiError(status, 'Error', text !== '' ? text : `The service answered ${status}.`);
    }
}

async function once(address: string, init: RequestInit, as: string | null): Promise<Response> {
    const headers = new Headers(init.headers);
    if (as !== null) headers.set('Authorization', as);
    try {
        return await fetch(address, { ...init, headers, cache: 'no-store' });
    } catch (error) {
        if ((error as Error).name === 'AbortError') throw error;
        throw new ApiError(0, 'Unreachable', 'The service cannot be reached. Is spoke-central still running?');
    }
}

// Requests under a limit: after a 429 everything waits as long as it says, then goes on one behind the other, so that
// what waited together does not come back together.
const MOST_TRIES = 8;
const LONGEST_S = 30;
let openAt = 0;
let behind: Promise<void> = Promise.resolve();
let hearBusy: (busy: boolean) => void = () => undefined;
let waiting = 0;

export function onBusy(hear: (busy: boolean) => void): void {
    hearBusy = hear;
}

/** How long the service holds requests back, in ms. */
export const heldBack = (): number => Math.max(0, openAt - Date.now());
const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

function myTurn(): Promise<void> {
    const turn = behind.then(async () => {
        while (heldBack() > 0) await wait(heldBack());
        await wait(50 + Math.random() * 50);
    });
    behind = turn;
    return turn;
}

async function patiently(address: string, init: RequestInit, as = token): Promise<Response> {
    if (heldBack() > 0) await myTurn();
    let answer = await once(address, init, as);
    for (let tries = 1; answer.status === 429 && tries < MOST_TRIES && signedIn(); tries++) {
        const seconds = Number(answer.headers.get('Retry-After') ?? 1);
        openAt = Math.max(openAt, Date.now() + 1000 * Math.min(LONGEST_S, seconds > 0 ? seconds : 1));
        if (++waiting === 1) hearBusy(true);
        try {
            await myTurn();
            init.signal?.throwIfAborted();
            answer = await once(address, init, as);
        } finally {
            if (--waiting === 0) hearBusy(false);
        }
    }
    return answer;
}

/** fetch with the token, and with patience where there are limits. Throws ApiError, also when the service cannot be reached. */
export async function ask(address: string, init: RequestInit = {}): Promise<Response> {
    const answer = await patiently(address, init);
    if (answer.ok) return answer;
    const error = failure(answer.status, await answer.text());
    if (answer.status === 401 && signedIn() && sessionStorage.getItem(STORED) !== null) {
        if (offer !== undefined) takeOffer(offer); // of a session that is over there is nothing to ask
        else signOut(error.message);
    }
    throw error;
}

async function send<T>(method: string, path: string, body?: unknown, query?: Query): Promise<T> {
    const init: RequestInit = { method };
    if (body !== undefined) {
        init.body = typeof body === 'string' ? body : JSON.stringify(body);
        init.headers = { 'Content-Type': 'application/json' };
    }
    const text = await (await ask(url(path, query), init)).text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
}

export const get = <T>(path: string, query?: Query): Promise<T> => send<T>('GET', path, undefined, query);
export const put = <T>(path: string, body: unknown): Promise<T> => send<T>('PUT', path, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => send<T>('PATCH', path, body);
export const post = <T>(path: string, body?: unknown): Promise<T> => send<T>('POST', path, body);
export const remove = (path: string): Promise<void> => send<void>('DELETE', path);

// What changes seldom and is asked for by many at once, as by the tiles of a dashboard: one request for all.
const KEPT_MS = 15000;
const kept = new Map<string, { at: number; answer: Promise<unknown> }>();

export function getKept<T>(path: string): Promise<T> {
    const before = kept.get(path);
    if (before !== undefined && Date.now() - before.at < KEPT_MS) return before.answer as Promise<T>;
    const answer = get<T>(path);
    kept.set(path, { at: Date.now(), answer });
    answer.catch(() => kept.delete(path));
    return answer;
}

export interface Page<T> {
    value: T[];
    nextLink?: string;
}

/** The next page of a list. The link's host may be another name of the service, so only its path counts. */
export async function follow<T>(link: string): Promise<Page<T>> {
    const { pathname, search } = new URL(link, location.href);
    return (await (await ask(pathname + search)).json()) as Page<T>;
}

/** A whole list, up to `limit` items. */
export async function all<T>(path: string, query: Query = {}, limit = 1000): Promise<T[]> {
    let page = await get<Page<T>>(path, { maxpagesize: '100', ...query });
    const items = [...page.value];
    while (page.nextLink !== undefined && items.length < limit) {
        page = await follow<T>(page.nextLink);
        items.push(...page.value);
    }
    return items;
}

export const id = encodeURIComponent;

// --- what the API speaks of ---

export interface Device {
    id: string;
    etag?: string;
    displayName?: string;
    template?: string;
    enabled?: boolean;
    provisioned?: boolean;
    simulated?: boolean;
    organizations?: string[];
    connected?: boolean;
    lastSeenTime?: string;
}

/** As in a list to choose from. */
export const deviceLabel = ({ id, displayName, simulated }: Device): string => `${displayName ?? id}${simulated === true ? ' (simulated)' : ''}`;

export type State = 'waiting' | 'registered' | 'provisioned' | 'blocked';

export function deviceState(device: Device): State {
    if (device.enabled === false) return device.provisioned === true ? 'blocked' : 'waiting';
    return device.provisioned === true ? 'provisioned' : 'registered';
}
