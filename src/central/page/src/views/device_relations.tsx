// A gateway and the devices behind it.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { all, deviceLabel, id, may, put, remove, type Device } from '../api';
import { Card, FormDialog, Loaded, SelectField, TextField, useAction, useResource } from '../ui';
import { freshId } from './entities';

interface Relationship {
    id: string;
    source: string;
    target: string;
}

export function Relations({ device }: { device: Device }): JSX.Element {
    const path = `/devices/${id(device.id)}/relationships`;
    const list = useResource(() => all<Relationship>(path), [device.id]);
    const [adding, setAdding] = useState<'gateway' | 'leaf'>();
    const [busy, act] = useAction();
    const drop = (one: Relationship): void => void act(() => remove(`${path}/${id(one.id)}`), 'They no longer belong together.').then(list.reload);
    const other = (one: Relationship): string => (one.source === device.id ? one.target : one.source);
    const row = (one: Relationship): JSX.Element => (
        <li>
            <a href={`#/devices/${id(other(one))}`}>{other(one)}</a>
            {may('device.write') && (
                <button class="small" disabled={busy} onClick={() => drop(one)} aria-label={`Detach ${other(one)}`}>
                    Detach
                </button>
            )}
        </li>
    );
    return (
        <Card title="Gateway">
            <Loaded of={list} lines={1}>
                {(found) => {
                    const gateway = found.filter((one) => one.target === device.id);
                    const leaves = found.filter((one) => one.source === device.id);
                    return (
                        <>
                            {gateway.length > 0 && (
                                <>
                                    <p class="dim">It is behind</p>
                                    <ul class="relations">{gateway.map(row)}</ul>
                                </>
                            )}
                            {leaves.length > 0 && (
                                <>
                                    <p class="dim">Behind it {leaves.length === 1 ? 'is' : 'are'}</p>
                                    <ul class="relations">{leaves.map(row)}</ul>
                                </>
                            )}
                            {found.length === 0 && <p class="dim">It connects by itself, and nothing is behind it.</p>}
                            {may('device.write') && (
                                <div class="row-actions start">
                                    {gateway.length === 0 && (
                                        <button class="small" onClick={() => setAdding('gateway')}>
                                            Put it behind a gateway
                                        </button>
                                    )}
                                    <button class="small" onClick={() => setAdding('leaf')}>
                                        Add a device behind it
                                    </button>
                                </div>
                            )}
                        </>
                    );
                }}
            </Loaded>
            {adding !== undefined && <Attach device={device} as={adding} onClose={() => setAdding(undefined)} onDone={list.reload} />}
        </Card>
    );
}

function Attach(props: { device: Device; as: 'gateway' | 'leaf'; onClose: () => void; onDone: () => void }): JSX.Element {
    const { device } = props;
    const devices = useResource(() => all<Device>('/devices'), []);
    const [chosen, setChosen] = useState('');
    const others = (devices.data ?? []).filter((one) => one.id !== device.id);
    const save = async (): Promise<void> => {
        const ends = props.as === 'gateway' ? { source: chosen, target: device.id } : { source: device.id, target: chosen };
        await put(`/devices/${id(device.id)}/relationships/${freshId('behind')}`, ends);
        props.onDone();
    };
    const label = props.as === 'gateway' ? 'Gateway' : 'Device behind it';
    return (
        <FormDialog title={props.as === 'gateway' ? `Put ${device.id} behind a gateway` : `Add a device behind ${device.id}`} submit="Save" onClose={props.onClose} onSubmit={save}>
            {others.length < 200 ? (
                <SelectField label={label} required value={chosen} onInput={setChosen} options={[['', 'Choose…'], ...others.map((one): [string, string] => [one.id, deviceLabel(one)])]} />
            ) : (
                <TextField label={`${label}: its id`} required value={chosen} onInput={setChosen} list={others.map((one) => one.id)} />
            )}
        </FormDialog>
    );
}
