// Files that the device has uploaded to blob storage.
import type { JSX } from 'preact';
import { all, id, may, type Device } from '../api';
import { when } from '../format';
import { useChanges } from '../live';
import { Badge, Empty, Loaded, Table, useResource, type Tone } from '../ui';

interface Upload {
    correlationId: string;
    blobName: string;
    blobUri?: string;
    state: string;
    startTime?: string;
    endTime?: string;
    statusCode?: number;
    statusDescription?: string;
}

const TONES: Record<string, Tone> = { succeeded: 'good', failed: 'bad', pending: 'info' };

export function Files({ device }: { device: Device }): JSX.Element {
    const list = useResource(() => all<Upload>(`/devices/${id(device.id)}/files`, {}, 200), [device.id]);
    useChanges({ deviceId: device.id, kind: 'fileUploads' }, list.reload, 30000);
    return (
        <Loaded of={list} lines={3}>
            {(files) =>
                files.length === 0 ? (
                    <Empty title="No files yet">
                        <p>
                            What the device uploads is listed here; the files themselves are in blob storage. {may('file.read') && <>Where, is in the <a href="#/settings">settings</a>.</>}
                        </p>
                    </Empty>
                ) : (
                    <Table
                        label="Files"
                        rows={files}
                        keyOf={(one) => one.correlationId}
                        columns={[
                            {
                                name: 'File',
                                class: 'main',
                                cell: (one) => (
                                    <>
                                        <b>{one.blobName.replace(`${device.id}/`, '')}</b>
                                        {one.blobUri !== undefined && <code class="dim sub">{one.blobUri}</code>}
                                    </>
                                ),
                            },
                            {
                                name: 'State',
                                cell: (one) => (
                                    <>
                                        <Badge tone={TONES[one.state] ?? 'dim'}>{one.state.charAt(0).toUpperCase() + one.state.slice(1)}</Badge>
                                        {one.statusDescription !== undefined && one.statusDescription !== '' && <span class="dim sub">{one.statusDescription}</span>}
                                    </>
                                ),
                            },
                            { name: 'Began', cell: (one) => when(one.startTime) },
                            { name: 'Ended', cell: (one) => when(one.endTime) },
                        ]}
                    />
                )
            }
        </Loaded>
    );
}
