// How a device gets here: who it is, its key, and a program that compiles.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { all, deviceLabel, get, id, put, type Device } from '../api';
import { useChanges } from '../live';
import { Card, Code, Facts, Loaded, Page, Problem, SelectField, TextField, useResource, Online, Secret, Copy } from '../ui';
import type { Credentials } from './device_connection';

declare const SAMPLE: string; // samples/runner.c, put in when the page is built

interface ConnectionInfo {
    idScope: string;
    provisioningHost: string;
    mqttPort: number;
    certificateAuthority?: string;
}

export function ConnectView({ deviceId }: { deviceId: string | undefined }): JSX.Element {
    const devices = useResource(() => all<Device>('/devices'), []);
    const [chosen, setChosen] = useState(deviceId ?? '');
    const [name, setName] = useState('');
    const [error, setError] = useState<Error>();
    const make = async (event: Event): Promise<void> => {
        event.preventDefault();
        setError(undefined);
        try {
            await put(`/devices/${id(name)}`, { displayName: name });
            setChosen(name);
            devices.reload();
        } catch (failed) {
            setError(failed as Error);
        }
    };
    const device = devices.data?.find((one) => one.id === chosen);
    return (
        <Page title="Connect a device" lead="Three steps: a device here, its settings, and a program that sends.">
            <Card title="1. Which device">
                <div class="columns">
                    <SelectField
                        label="One that is here"
                        value={chosen}
                        onInput={setChosen}
                        options={[['', 'Choose…'], ...(devices.data ?? []).filter((one) => one.simulated !== true).map((one): [string, string] => [one.id, deviceLabel(one)])]}
                    />
                    <form class="beside" onSubmit={(event) => void make(event)}>
                        <TextField label="Or a new one: its id" required value={name} onInput={setName} pattern="[A-Za-z0-9._:\-]*[A-Za-z0-9\-]" placeholder="my-first-device" />
                        <button class="primary">Create</button>
                    </form>
                </div>
                <Problem error={error ?? devices.error} />
            </Card>
            {device !== undefined && <Snippet key={device.id} device={device} steps />}
        </Page>
    );
}

export function Snippet({ device, steps }: { device: Device; steps?: boolean }): JSX.Element {
    const known = useResource(
        async () => ({
            info: await get<ConnectionInfo>('/connectionInfo'),
            keys: await get<Credentials>(`/devices/${id(device.id)}/credentials`),
        }),
        [device.id],
    );
    const now = useResource(() => get<Device>(`/devices/${id(device.id)}`), [device.id]);
    useChanges({ deviceId: device.id, kind: 'deviceConnectivity,deviceLifecycle' }, now.reload, 20000);
    return (
        <Loaded of={known}>
            {({ info, keys }) => (
                <>
                    {steps === true && (
                        <Card title="2. Its settings">
                            <Facts
                                items={[
                                    ['Id scope', <span class="secret"><code>{info.idScope}</code><Copy text={info.idScope} label="id scope" /></span>],
                                    ['Provisioning host and port', <code>{`${info.provisioningHost}:${info.mqttPort}`}</code>],
                                    ['Device id', <code>{device.id}</code>],
                                    ['Device key', keys.symmetricKey === undefined ? 'A certificate' : <Secret value={keys.symmetricKey.primaryKey} label="device key" />],
                                ]}
                            />
                        </Card>
                    )}
                    <Card title={steps === true ? '3. A program' : 'A program for it'}>
                        <p>In a terminal, in an empty folder: the settings, and the authority that the device has to trust.</p>
                        <Code label="settings" text={settings(info, keys, device.id)} secret={keys.symmetricKey?.primaryKey} />
                        <p>
                            <code>device.c</code>: sends twenty messages and ends.
                        </p>
                        <Code label="program" text={SAMPLE} />
                        <p>
                            Build it against an installed Spoke (<code>cmake --install</code>; elsewhere than in /usr/local, add <code>-DCMAKE_PREFIX_PATH</code>), and run it:
                        </p>
                        <Code label="build commands" text={BUILD} />
                        {steps === true && now.data !== undefined && (
                            <p role="status">
                                <Online device={now.data} /> – <a href={`#/devices/${id(device.id)}`}>its page</a> shows what it sends.
                            </p>
                        )}
                    </Card>
                </>
            )}
        </Loaded>
    );
}

function settings(info: ConnectionInfo, keys: Credentials, device: string): string {
    const values = [
        ['SPOKE_HOST', info.provisioningHost],
        ['SPOKE_MQTT_PORT', String(info.mqttPort)],
        ['SPOKE_ID_SCOPE', info.idScope],
        ['SPOKE_DEVICE_ID', device],
        ['SPOKE_DEVICE_KEY', keys.symmetricKey?.primaryKey ?? ''],
        ['SPOKE_CA_FILE', '$PWD/ca.pem'],
    ];
    const lines = values.map(([name, value]) => `export ${name}="${value}"`);
    const ca = info.certificateAuthority;
    return (ca === undefined ? '' : `cat >ca.pem <<'END'\n${ca.trim()}\nEND\n`) + lines.join('\n');
}

const BUILD = `cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(device C)
find_package(spoke REQUIRED)
add_executable(device device.c)
target_link_libraries(device PRIVATE spoke::spoke)
END
cmake -B build && cmake --build build && ./build/device`;
