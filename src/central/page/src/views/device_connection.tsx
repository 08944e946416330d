// What the device needs to connect.
import type { JSX } from 'preact';
import { get, id, type Device } from '../api';
import { ago, when } from '../format';
import { Card, Facts, Loaded, Secret, useResource, Copy } from '../ui';
import { Snippet } from './connect';
import { Relations } from './device_relations';

export interface Credentials {
    idScope: string;
    symmetricKey?: { primaryKey: string; secondaryKey: string };
    x509?: unknown;
    tpm?: unknown;
}

export function Connection({ device }: { device: Device }): JSX.Element {
    const keys = useResource(() => get<Credentials>(`/devices/${id(device.id)}/credentials`), [device.id]);
    return (
        <>
            <div class="columns">
                <Card title="Credentials" class="grow">
                    <Loaded of={keys} lines={3}>
                        {(data) => (
                            <Facts
                                items={[
                                    ['Id scope', <span class="secret"><code>{data.idScope}</code><Copy text={data.idScope} label="id scope" /></span>],
                                    ['Device id', <span class="secret"><code>{device.id}</code><Copy text={device.id} label="device id" /></span>],
                                    ['Provisioning host', <code>{location.hostname}</code>],
                                    ...(data.symmetricKey === undefined
                                        ? ([['Attestation', data.x509 !== undefined ? 'X.509 certificate' : 'Other']] as [string, string][])
                                        : ([
                                              ['Primary key', <Secret value={data.symmetricKey.primaryKey} label="primary key" />],
                                              ['Secondary key', <Secret value={data.symmetricKey.secondaryKey} label="secondary key" />],
                                          ] as [string, JSX.Element][])),
                                ]}
                            />
                        )}
                    </Loaded>
                </Card>
                <Card title="State" class="grow">
                    <Facts
                        items={[
                            ['Connection', device.connected === true ? 'Connected now' : 'Not connected'],
                            ['Last seen', device.connected === true ? 'now' : device.lastSeenTime === undefined ? 'never' : `${ago(device.lastSeenTime)} (${when(device.lastSeenTime)})`],
                            ['Provisioned', device.provisioned === true ? 'yes' : 'not yet'],
                            ['May connect', device.enabled === false ? 'no' : 'yes'],
                            ['Organizations', device.organizations?.join(', ') ?? '–'],
                        ]}
                    />
                </Card>
            </div>
            <Relations device={device} />
            <Snippet device={device} />
        </>
    );
}
