// Live charts of what the device sends, and the newest of what cannot be drawn.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { id, type Device } from '../api';
import { Chart } from '../chart';
import { ago, quantity, show, when } from '../format';
import { POLL_MS } from '../live';
import { isBoolean, isNumeric, keyOf, wholeRange, type Capability, type Part } from '../model';
import { useLive, type Live } from '../telemetry';
import { Card, Empty, Facts, Problem } from '../ui';

const WINDOWS: [ms: number, text: string][] = [
    [300e3, '5 min'],
    [3600e3, '1 h'],
    [86400e3, '24 h'],
    [7 * 86400e3, '7 d'],
];

const drawable = (one: Capability): boolean => isNumeric(one.schema) || isBoolean(one.schema);

export function WindowChoice({ value, onChange }: { value: number; onChange: (ms: number) => void }): JSX.Element {
    return (
        <div class="segments" role="group" aria-label="Time window">
            {WINDOWS.map(([ms, text]) => (
                <button type="button" aria-pressed={ms === value} onClick={() => onChange(ms)}>
                    {text}
                </button>
            ))}
        </div>
    );
}

export function Overview({ device, parts }: { device: Device; parts: Part[] }): JSX.Element {
    const [windowMs, setWindow] = useState(300e3);
    const telemetry = useMemo(() => parts.flatMap((part) => part.capabilities.filter((one) => one.kind === 'Telemetry')), [parts]);
    const live = useLive(device.id, telemetry, windowMs);
    const extra = useMemo(() => unmodeled(live, telemetry), [live.series.size, telemetry]);
    const all = extra === undefined ? parts : [...parts, extra];
    if (live.error !== undefined) return <Problem error={live.error} />;
    if (!live.loaded) return <div class="charts">{telemetry.slice(0, 6).map(() => <div class="card chart-card waiting" />)}</div>;
    if (device.template === undefined && extra === undefined)
        return (
            <Empty title="This device has no template">
                <p>
                    It gets one when it announces a model that a template has. Until then its messages are under <a href={`#/devices/${id(device.id)}/raw`}>Raw data</a>;{' '}
                    <a href="#/templates">upload a template</a> to see charts.
                </p>
            </Empty>
        );
    if (parts.length > 0 && telemetry.length === 0 && extra === undefined)
        return <Empty title="The template of this device has no telemetry">Its properties and commands are in the other tabs.</Empty>;
    return (
        <>
            <div class="toolbar">
                <WindowChoice value={windowMs} onChange={setWindow} />
                <LinkState link={live.link} connected={device.connected === true} />
            </div>
            {all.map((part) => (
                <PartCharts part={part} live={live} windowMs={windowMs} waiting={device.connected !== true} deviceId={device.id} />
            ))}
        </>
    );
}

/** What comes although the template does not have it, or there is none: charts all the same. */
function unmodeled(live: Live, telemetry: Capability[]): Part | undefined {
    const known = new Set(telemetry.map(keyOf));
    const capabilities = [...live.series.keys()]
        .filter((key) => !known.has(key))
        .map((name): Capability => ({
            kind: 'Telemetry', component: '', name, displayName: name, description: 'Not in the template', unit: '',
            schema: { kind: 'primitive', name: 'double' }, writable: false, cloud: false, durable: false,
        }));
    return capabilities.length === 0 ? undefined : { name: telemetry.length === 0 ? '' : '?', displayName: 'Not in the template', capabilities };
}

function LinkState({ link, connected }: { link: Live['link']; connected: boolean }): JSX.Element {
    const arrives = link === 'live' || link === 'polled';
    const text = !connected ? 'The device is not connected' : link === 'polled' ? `Updated every ${POLL_MS / 1000} s` : arrives ? 'Live' : 'Connecting…';
    return (
        <span class="online dim" role="status" title={link === 'polled' ? 'The service has no live stream for this page now, so it is asked again and again.' : undefined}>
            <span class={connected && arrives ? 'dot on' : 'dot'} /> {text}
        </span>
    );
}

function PartCharts(props: { part: Part; live: Live; windowMs: number; waiting: boolean; deviceId: string }): JSX.Element | null {
    const { part, live } = props;
    const telemetry = part.capabilities.filter((one) => one.kind === 'Telemetry');
    if (telemetry.length === 0) return null;
    // A component often speaks seldom, as about its own state: one dot is no chart.
    const charted = (one: Capability): boolean => drawable(one) && (part.name === '' || (live.series.get(keyOf(one))?.length ?? 0) > 1);
    const heard = telemetry.filter((one) => live.last.has(keyOf(one)));
    const sent = heard.filter(charted);
    const others = heard.filter((one) => !charted(one));
    const silent = telemetry.filter((one) => !live.last.has(keyOf(one)));
    return (
        <>
            <h2 class={part.name === '' ? 'hidden' : 'part'}>{part.name === '' ? 'Telemetry' : part.displayName}</h2>
            {sent.length > 0 && (
                <div class="charts">
                    {sent.map((one) => (
                        <TelemetryChart key={keyOf(one)} of={one} live={live} windowMs={props.windowMs} />
                    ))}
                </div>
            )}
            {others.length > 0 && (
                <Card title="Newest values" level={3} class={sent.length > 0 ? 'spaced' : ''}>
                    <Facts
                        items={others.map((one) => {
                            const last = live.last.get(keyOf(one));
                            const at = new Date(last?.at ?? 0).toISOString();
                            return [one.displayName, <><b>{show(last?.value, one.unit)}</b> <span class="dim" title={when(at)}>{ago(at, live.now)}</span></>];
                        })}
                    />
                </Card>
            )}
            {silent.length > 0 && <Silent names={silent} all={heard.length === 0} waiting={props.waiting} deviceId={props.deviceId} part={part} />}
        </>
    );
}

function Silent(props: { names: Capability[]; all: boolean; waiting: boolean; deviceId: string; part: Part }): JSX.Element {
    const names = props.names.map((one) => one.displayName).join(', ');
    if (props.all && props.part.name === '' && props.waiting)
        return (
            <Empty title="Nothing received yet">
                <p>
                    The device has to connect first: <a href={`#/devices/${id(props.deviceId)}/connect`}>its keys</a>. Then this shows {names}.
                </p>
            </Empty>
        );
    return <p class="dim silent">Not received yet: {names}</p>;
}

function TelemetryChart({ of, live, windowMs }: { of: Capability; live: Live; windowMs: number }): JSX.Element {
    const key = keyOf(of);
    const last = live.last.get(key);
    const from = live.now - windowMs;
    const points = (live.series.get(key) ?? []).filter(([at]) => at >= from);
    const value = last?.value;
    return (
        <Card
            level={3}
            class="chart-card"
            title={
                <span title={of.description} id={`t-${key}`}>
                    {of.displayName}
                </span>
            }
            actions={<output class="big">{typeof value === 'number' ? quantity(value, of.unit) : show(value)}</output>}
        >
            <Chart small height={150} label={of.displayName} series={[{ label: of.displayName, unit: of.unit, points, range: wholeRange(of) }]} from={from} to={live.now} />
        </Card>
    );
}
