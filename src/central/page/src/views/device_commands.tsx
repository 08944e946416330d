// Commands: a form from the template, the answer, and the calls before.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { get, id, may, post, type Device, type Page as ListPage } from '../api';
import { keyOf, pathOf, type Capability, type Part } from '../model';
import { Control } from '../schema';
import { Badge, Card, Empty, Problem, useResource } from '../ui';

interface Call {
    id?: string;
    request?: unknown;
    response?: unknown;
    responseCode?: number;
    flag?: string;
    reason?: string;
}

export function Commands({ device, parts }: { device: Device; parts: Part[] }): JSX.Element {
    const commands = parts.flatMap((part) => part.capabilities.filter((one) => one.kind === 'Command').map((one) => ({ one, part })));
    if (commands.length === 0)
        return (
            <Empty title="No commands">
                <p>{device.template === undefined ? 'A device without a template has none here.' : 'The template of this device has none.'}</p>
            </Empty>
        );
    return (
        <div class="columns">
            {commands.map(({ one, part }) => (
                <CommandCard key={keyOf(one)} device={device} of={one} from={part.name === '' ? '' : part.displayName} />
            ))}
        </div>
    );
}

/** bare: without a frame of its own. */
export function CommandCard({ device, of, from, bare }: { device: Device; of: Capability; from: string; bare?: boolean }): JSX.Element {
    const path = `/devices/${id(device.id)}${pathOf(of, `/commands/${id(of.name)}`)}`;
    const history = useResource(() => get<ListPage<Call>>(path, { maxpagesize: '100' }), [path]);
    const [value, setValue] = useState<unknown>();
    const [busy, setBusy] = useState(false);
    const [answer, setAnswer] = useState<Call>();
    const [error, setError] = useState<Error>();
    const field = `c-${keyOf(of)}`;
    const run = async (event: Event): Promise<void> => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        setAnswer(undefined);
        try {
            setAnswer(await post<Call>(path, value === undefined ? {} : { request: value }));
            history.reload();
        } catch (failed) {
            setError(failed as Error);
        }
        setBusy(false);
    };
    const calls = history.data?.value ?? [];
    const inside = (
        <>
            <form onSubmit={(event) => void run(event)}>
                {of.description !== '' && <p class="dim">{of.description}</p>}
                {of.request !== undefined && (
                    <div class="field">
                        <label for={field}>{of.request.displayName}</label>
                        <Control id={field} label={of.request.displayName} schema={of.request.schema} value={value} onChange={setValue} />
                    </div>
                )}
                <button class="primary" disabled={busy || !may('command.run')} aria-label={`Run ${of.displayName}`}>
                    {busy ? 'Waiting for the device…' : 'Run'}
                </button>
            </form>
            <div aria-live="polite">
                <Problem error={error} />
                {answer !== undefined && <Answer call={answer} durable={of.durable} />}
            </div>
            {calls.length > 0 && (
                <details>
                    <summary>
                        {calls.length} earlier {calls.length === 1 ? 'call' : 'calls'}
                    </summary>
                    {[...calls]
                        .reverse()
                        .slice(0, 20)
                        .map((call) => (
                            <Answer key={call.id} call={call} durable={of.durable} />
                        ))}
                </details>
            )}
        </>
    );
    if (bare === true) return <div class="command">{inside}</div>;
    return (
        <Card
            class="command"
            title={of.displayName}
            actions={
                <>
                    {from !== '' && <Badge tone="dim">{from}</Badge>}
                    {of.durable && <Badge tone="info">Waits for the device</Badge>}
                </>
            }
        >
            {inside}
        </Card>
    );
}

function Answer({ call, durable }: { call: Call; durable: boolean }): JSX.Element {
    const code = call.responseCode;
    const good = code !== undefined && code >= 200 && code < 300;
    return (
        <div class="answer">
            <p>
                {code === undefined ? <Badge tone="info">{durable ? 'Queued' : 'Sent'}</Badge> : <Badge tone={good ? 'good' : 'bad'}>{good ? `Answered ${code}` : `Failed ${code}`}</Badge>}
                {call.request !== undefined && (
                    <>
                        {' '}
                        <span class="dim">request</span> <code>{JSON.stringify(call.request)}</code>
                    </>
                )}
            </p>
            {call.response !== undefined && (
                <pre tabIndex={0} role="region" aria-label="Answer">
                    <code>{JSON.stringify(call.response, null, 2)}</code>
                </pre>
            )}
            {call.reason !== undefined && <p class="hint bad">{call.reason}</p>}
        </div>
    );
}
