// What happens to devices, as it happens: the service's event stream, read by fetch so that the token travels as a
// header. Takes up where it left off after a break.
import { ApiError, ask, signedIn } from './api';

export interface LiveEvent {
    position?: number;
    type: string;
    deviceId?: string;
    time: number; // ms
    component?: string;
    body: Record<string, unknown>;
}

type Hear = (event: LiveEvent) => void;
export type Link = 'connecting' | 'live' | 'broken' | 'missing';

const RETRY_MS = 2000;
const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((done) => {
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
    });

interface Frame {
    id: string;
    event: string;
    data: string;
}

/** Cuts server-sent events out of text that arrives in pieces. */
export class FrameReader {
    private rest = '';
    take(piece: string): Frame[] {
        const blocks = (this.rest + piece).replaceAll('\r\n', '\n').split('\n\n');
        this.rest = blocks.pop() ?? '';
        return blocks.map((block) => {
            const frame: Frame = { id: '', event: 'message', data: '' };
            for (const line of block.split('\n')) {
                const at = line.indexOf(':');
                const name = at < 0 ? line : line.slice(0, at);
                const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
                if (name === 'data') frame.data += (frame.data === '' ? '' : '\n') + value;
                else if (name === 'id') frame.id = value;
                else if (name === 'event') frame.event = value;
            }
            return frame;
        });
    }
}

function eventOf(frame: Frame): LiveEvent | undefined {
    if (frame.data === '') return undefined;
    try {
        const body = JSON.parse(frame.data) as Record<string, unknown>;
        const time = body['time'] ?? body['enqueuedTime'] ?? body['timestamp'];
        const event: LiveEvent = {
            type: String(body['messageType'] ?? body['type'] ?? body['kind'] ?? frame.event),
            time: typeof time === 'string' ? Date.parse(time) : typeof time === 'number' ? time : Date.now(),
            body,
        };
        const position = Number(frame.id !== '' ? frame.id : body['position']);
        if (Number.isFinite(position)) event.position = position;
        if (typeof body['deviceId'] === 'string') event.deviceId = body['deviceId'];
        if (typeof body['component'] === 'string') event.component = body['component'];
        return event;
    } catch {
        return undefined;
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
        for (const frame of frames.take(piece.value)) {
            const event = eventOf(frame);
            if (event !== undefined) hear(event);
        }
    }
}

/** Calls `hear` for each event from `position` on (undefined: from now). `tell` gets the state of the link. The result ends it. */
export function listen(query: Record<string, string>, hear: Hear, tell: (link: Link) => void): () => void {
    const stop = new AbortController();
    let last: number | undefined;
    const run = async (): Promise<void> => {
        while (!stop.signal.aborted && signedIn()) {
            const at = last === undefined ? query : { ...query, position: String(last) };
            const address = `/api/events/stream?${new URLSearchParams({ 'api-version': '2022-10-31-preview', ...at })}`;
            tell('connecting');
            try {
                await read(address, (event) => ((last = event.position ?? last), hear(event)), stop.signal, () => tell('live'));
            } catch (error) {
                if (stop.signal.aborted) return;
                if (error instanceof ApiError && (error.status === 404 || error.status === 403)) {
                    tell('missing');
                    return;
                }
            }
            if (stop.signal.aborted) return;
            tell('broken');
            await sleep(RETRY_MS, stop.signal);
        }
    };
    void run();
    return () => stop.abort();
}
