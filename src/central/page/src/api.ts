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

let token = readToken();
let hearSignOut: (why: string) => void = () => undefined;

// A link that signs in carries the token in its fragment (#token=...&to=/devices/x): no server ever sees it, and the
// address bar loses it here, before anything else happens.
function readToken(): string | null {
    const [, given, to] = /^#token=([^&]+)(?:&to=(\/.*))?$/.exec(location.hash) ?? [];
    if (given !== undefined) {
        history.replaceState(null, '', `${location.pathname}#${to ?? '/devices'}`);
        try {
            sessionStorage.setItem(STORED, decodeURIComponent(given));
        } catch {
            sessionStorage.removeItem(STORED); // not percent-coded
        }
    }
    return sessionStorage.getItem(STORED);
}

// The same link in a tab that shows the page already.
addEventListener('hashchange', () => {
    if (!location.hash.startsWith('#token=')) return;
    readToken();
    location.reload();
});

export const signedIn = (): boolean => token !== null;

export function onSignOut(hear: (why: string) => void): void {
    hearSignOut = hear;
}

export function signOut(why = ''): void {
    token = null;
    me = undefined;
    sessionStorage.removeItem(STORED);
    hearSignOut(why);
}

export interface Me {
    id: string;
    rights: string[];
    roles: { role: string; organization?: string }[];
}

let me: Me | undefined;

/** Who is signed in; asks the service once. */
export async function whoAmI(): Promise<Me> {
    me ??= await get<Me>('/me');
    return me;
}

/** Whether to offer it; what is offered is still checked by the service. */
export const may = (right: string): boolean => me === undefined || me.rights.includes(right);

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

/** fetch with the token. Throws ApiError, also when the service cannot be reached. */
export async function ask(address: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== null) headers.set('Authorization', token);
    let answer: Response;
    try {
        answer = await fetch(address, { ...init, headers, cache: 'no-store' });
    } catch (error) {
        if ((error as Error).name === 'AbortError') throw error;
        throw new ApiError(0, 'Unreachable', 'The service cannot be reached. Is spoke-central still running?');
    }
    if (answer.ok) return answer;
    const error = failure(answer.status, await answer.text());
    if (answer.status === 401 && signedIn() && sessionStorage.getItem(STORED) !== null) signOut(error.message);
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

export type State = 'waiting' | 'registered' | 'provisioned' | 'blocked';

export function deviceState(device: Device): State {
    if (device.enabled === false) return device.provisioned === true ? 'blocked' : 'waiting';
    return device.provisioned === true ? 'provisioned' : 'registered';
}
