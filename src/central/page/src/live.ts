// What happens to devices, as it happens: the service's event stream, read by fetch so that the token travels as a
// header. Takes up where it left off after a break.
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, ask, follow, get, heldBack, signedIn, url, type Page, type Query } from './api';

export interface LiveEvent {
    position: number;
    source: string;
    type: string;
    deviceId?: string;
    component?: string;
    enqueuedTime: string;
    creationTime?: string;
    body?: unknown;
    text?: string;
    messageProperties?: Record<string, string>;
}

export const timeOf = (event: LiveEvent): number => Date.parse(event.creationTime ?? event.enqueuedTime);

type Hear = (event: LiveEvent) => void;
export type Link = 'connecting' | 'live' | 'polled' | 'broken';

const RETRY_MS = 2000;
export const POLL_MS = 3000;
const POLLED_MS = 60000; // then a stream may be had again
const POLL_PAGES = 20; // at once, of 500 events
const CALM_MS = 300; // between an event and the question that it leads to: events come in crowds
const APART_MS = 1500; // between two such questions

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((done) => {
        const end = (): void => {
            clearTimeout(timer);
            signal.removeEventListener('abort', end);
            done();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener('abort', end);
    });

/** Cuts the data of server-sent events out of text that arrives in pieces. */
export class FrameReader {
    private rest = '';
    take(piece: string): string[] {
        const blocks = (this.rest + piece).replaceAll('\r\n', '\n').split('\n\n');
        this.rest = blocks.pop() ?? '';
        return blocks
            .map((block) =>
                block
                    .split('\n')
                    .filter((line) => line.startsWith('data:'))
                    .map((line) => line.slice(5).replace(/^ /, ''))
                    .join('\n'),
            )
            .filter((data) => data !== '');
    }
}

async function read(address: string, hear: Hear, signal: AbortSignal, opened: () => void): Promise<void> {
    const answer = await ask(address, { signal, headers: { Accept: 'text/event-stream' } });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const frames = new FrameReader();
    opened();
    for (;;) {
        const piece = await reader?.read();
        if (piece === undefined || piece.done) return;
        for (const data of frames.take(piece.value)) {
            const event = JSON.parse(data) as LiveEvent & { code?: string; message?: string };
            if (typeof event.position === 'number') hear(event);
            else if (event.code !== undefined) throw new ApiError(503, event.code, event.message ?? ''); // it made room
        }
    }
}

/** Where the stream of events ends now. */
export const newest = async (): Promise<number> => (await get<Page<LiveEvent>>('/events', { maxpagesize: '1' })).value[0]?.position ?? 0;

async function goOn(query: Query, after: number, hear: Hear): Promise<void> {
    let page = await get<Page<LiveEvent>>('/events', { ...query, after: String(after), order: 'asc', maxpagesize: '500' });
    page.value.forEach(hear);
    for (let more = POLL_PAGES; page.nextLink !== undefined && more > 1; more--) {
        page = await follow<LiveEvent>(page.nextLink);
        page.value.forEach(hear);
    }
}

/** Where a stream cannot be had (a proxy that holds answers back, too many of them), pages do, for a while. */
async function poll(query: Query, last: () => number | undefined, hear: Hear, signal: AbortSignal, tell: (link: Link) => void): Promise<void> {
    const end = Date.now() + POLLED_MS;
    let begin: number | undefined;
    let pause = POLL_MS;
    while (!signal.aborted && signedIn() && Date.now() < end) {
        try {
            if (!document.hidden) await goOn(query, last() ?? (begin ??= await newest()), hear);
            tell('polled');
            pause = POLL_MS;
        } catch {
            tell('broken');
            pause *= 2; // what is gone, or forbidden, stays so
        }
        await sleep(Math.max(pause, heldBack()), signal);
    }
}

const HIDDEN_MS = 20000;

/** Aborts what reads while nobody looks: browsers have six connections to a service, for all tabs together. To be
 * aborted when the reading is over, too: until then it listens. */
function whileSeen(outer: AbortSignal): AbortController {
    const own = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
        clearTimeout(timer);
        if (document.hidden) timer = setTimeout(() => own.abort(), HIDDEN_MS);
    };
    const stop = (): void => own.abort();
    const end = (): void => {
        clearTimeout(timer);
        document.removeEventListener('visibilitychange', look);
        outer.removeEventListener('abort', stop);
        own.signal.removeEventListener('abort', end);
    };
    document.addEventListener('visibilitychange', look);
    own.signal.addEventListener('abort', end);
    outer.addEventListener('abort', stop);
    look();
    return own;
}

const seen = (signal: AbortSignal): Promise<void> =>
    new Promise((done) => {
        const look = (): void => {
            if (document.hidden && !signal.aborted) return;
            document.removeEventListener('visibilitychange', look);
            signal.removeEventListener('abort', look);
            done();
        };
        document.addEventListener('visibilitychange', look);
        signal.addEventListener('abort', look);
        look();
    });

const isRefusal = (error: unknown): boolean => error instanceof ApiError && error.status >= 400 && error.status !== 401;

/** Calls `hear` for each event behind position `after`; undefined: from now on. The result ends it. */
export function listen(query: Query, after: number | undefined, hear: Hear, tell: (link: Link) => void): () => void {
    const stop = new AbortController();
    const { signal } = stop;
    let last = after;
    const note = (event: LiveEvent): void => {
        if (last !== undefined && event.position <= last) return;
        last = event.position;
        if (event.source !== undefined) hear(event); // the stream says first where it begins
    };
    const run = async (): Promise<void> => {
        tell('connecting');
        while (!signal.aborted && signedIn()) {
            const reading = whileSeen(signal);
            const address = url('/events/stream', { ...query, after: last?.toString() });
            const refused = await read(address, note, reading.signal, () => tell('live')).then(() => false, isRefusal);
            reading.abort();
            if (refused) {
                await poll(query, () => last, note, signal, tell);
                continue;
            }
            if (signal.aborted) return;
            tell('broken');
            await (document.hidden ? seen(signal) : sleep(RETRY_MS, signal));
        }
    };
    void run();
    return () => stop.abort();
}

/** Runs when something of that kind happened, and at last every `atLeastMs`: where a stream is broken, or for what no event tells. */
export function useChanges(query: Query, run: () => void, atLeastMs: number): void {
    const last = useRef(run);
    last.current = run;
    useEffect(() => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        let ran = Date.now();
        const now = (): void => {
            timer = undefined;
            ran = Date.now();
            if (!document.hidden) last.current();
        };
        const hear = (): void => {
            timer ??= setTimeout(now, Math.max(CALM_MS, ran + APART_MS - Date.now()));
        };
        const again = setInterval(() => Date.now() - ran >= atLeastMs && now(), Math.min(atLeastMs, 5000));
        document.addEventListener('visibilitychange', hear);
        const end = listen(query, undefined, hear, () => undefined);
        return () => {
            clearTimeout(timer);
            clearInterval(again);
            document.removeEventListener('visibilitychange', hear);
            end();
        };
    }, [JSON.stringify(query), atLeastMs]);
}
