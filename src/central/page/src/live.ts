// What happens to devices, as it happens: the service's event stream, read by fetch so that the token travels as a
// header. Takes up where it left off after a break.
import { ApiError, ask, get, signedIn, url, type Page, type Query } from './api';

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
export type Link = 'connecting' | 'live' | 'broken';

const RETRY_MS = 2000;
const POLL_MS = 1500;

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((done) => {
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
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
            const event = JSON.parse(data) as LiveEvent;
            if (typeof event.position === 'number') hear(event);
        }
    }
}

/** Where a stream cannot be had (a proxy that holds answers back, too many of them), pages do. */
async function poll(query: Query, from: () => number, hear: Hear, signal: AbortSignal, tell: (link: Link) => void): Promise<void> {
    while (!signal.aborted && signedIn()) {
        try {
            const page = await get<Page<LiveEvent>>('/events', { ...query, after: String(from()), order: 'asc', maxpagesize: '500' });
            page.value.forEach(hear);
            tell('live');
        } catch {
            tell('broken');
        }
        await sleep(POLL_MS, signal);
    }
}

/** Calls `hear` for each event behind position `after`. The result ends it. */
export function listen(query: Query, after: number, hear: Hear, tell: (link: Link) => void): () => void {
    const stop = new AbortController();
    const { signal } = stop;
    let last = after;
    const note = (event: LiveEvent): void => {
        if (event.position <= last) return;
        last = event.position;
        hear(event);
    };
    const run = async (): Promise<void> => {
        while (!signal.aborted && signedIn()) {
            tell('connecting');
            try {
                await read(url('/events/stream', { ...query, after: String(last) }), note, signal, () => tell('live'));
            } catch (error) {
                if (error instanceof ApiError && error.status >= 400 && error.status !== 401) return poll(query, () => last, note, signal, tell);
            }
            if (signal.aborted) return;
            tell('broken');
            await sleep(RETRY_MS, signal);
        }
    };
    void run();
    return () => stop.abort();
}
