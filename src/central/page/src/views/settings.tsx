// What the application has only once: where uploaded files go, and what it is.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, ask, get, may, put, remove, whoAmI } from '../api';
import { download } from '../format';
import { Badge, Card, Confirm, Copy, Empty, Facts, FormDialog, Loaded, Page, SelectField, TextField, useAction, useResource } from '../ui';

interface FileUpload {
    account?: string;
    connectionString?: string;
    container?: string;
    sasTtl?: string;
    state?: string;
    etag?: string;
}

const TTLS: [string, string][] = ['PT1H', 'PT2H', 'PT6H', 'PT12H', 'PT24H'].map((value) => [value, `${value.slice(2, -1)} h`]);

async function configuration(): Promise<FileUpload | undefined> {
    try {
        return await get<FileUpload>('/fileUploads');
    } catch (error) {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
    }
}

export function SettingsView(): JSX.Element {
    const me = useResource(whoAmI, []);
    return (
        <Page title="Settings" lead="What there is once for the whole application.">
            <div class="columns">
                <Uploads />
                <Card title="This service">
                    <Loaded of={me} lines={2}>
                        {({ applicationId }) => (
                            <Facts
                                items={[
                                    ['Application id', <span class="secret"><code>{applicationId}</code><Copy text={applicationId ?? ''} label="application id" /></span>],
                                    ['REST API', <Document />],
                                    ['Licences', <a href="/licences.txt">of what this page is made of</a>],
                                ]}
                            />
                        )}
                    </Loaded>
                </Card>
            </div>
        </Page>
    );
}

/** The API's description needs the token, which a plain link does not carry. */
function Document(): JSX.Element {
    const [busy, act] = useAction();
    const save = async (): Promise<void> => {
        download('openapi.json', 'application/json', await (await ask('/openapi.json')).text());
    };
    return (
        <button class="small" disabled={busy} onClick={() => void act(save)}>
            Download (OpenAPI)
        </button>
    );
}

function Uploads(): JSX.Element {
    const own = useResource(async () => ({ config: await configuration() }), []);
    const [open, setOpen] = useState<'edit' | 'delete'>();
    const writes = may('file.write');
    return (
        <Card title="File upload" actions={own.data?.config !== undefined && <Badge tone="good">On</Badge>}>
            <Loaded of={own} lines={3}>
                {({ config }) =>
                    config === undefined ? (
                        <Empty title="Devices cannot upload files yet">
                            <p>Their files go to blob storage of yours, past this service.</p>
                            {writes && <button onClick={() => setOpen('edit')}>Set up</button>}
                        </Empty>
                    ) : (
                        <>
                            <Facts
                                items={[
                                    ['Account', config.account ?? '–'],
                                    ['Container', config.container ?? '–'],
                                    ['Connection string', <code>{config.connectionString}</code>],
                                    ['A device has', `${TTLS.find(([value]) => value === config.sasTtl)?.[1] ?? config.sasTtl} for an upload`],
                                ]}
                            />
                            {writes && (
                                <div class="row-actions spaced">
                                    <button onClick={() => setOpen('edit')}>Edit</button>
                                    <button onClick={() => setOpen('delete')} aria-label="Delete file upload">
                                        Delete
                                    </button>
                                </div>
                            )}
                        </>
                    )
                }
            </Loaded>
            {open === 'edit' && <UploadsForm of={own.data?.config} onClose={() => setOpen(undefined)} onDone={own.reload} />}
            {open === 'delete' && (
                <Confirm title="Stop file upload" text="Devices are refused when they ask to upload. Files that are there stay where they are." submit="Delete" onClose={() => setOpen(undefined)} onSubmit={() => remove('/fileUploads').then(own.reload)} />
            )}
        </Card>
    );
}

function UploadsForm({ of, onClose, onDone }: { of: FileUpload | undefined; onClose: () => void; onDone: () => void }): JSX.Element {
    const [connectionString, setConnection] = useState(of?.connectionString ?? '');
    const [container, setContainer] = useState(of?.container ?? '');
    const [sasTtl, setTtl] = useState(of?.sasTtl ?? 'PT1H');
    const options = TTLS.some(([value]) => value === sasTtl) ? TTLS : [...TTLS, [sasTtl, sasTtl] as [string, string]];
    const save = async (): Promise<void> => {
        await put('/fileUploads', { connectionString, container, sasTtl });
        onDone();
    };
    return (
        <FormDialog title="File upload" submit="Save" onClose={onClose} onSubmit={save}>
            <TextField label="Connection string" required mono rows={3} value={connectionString} onInput={setConnection} placeholder="DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net" hint={of === undefined ? 'Of the storage account. The key is not shown again.' : 'AccountKey=***** keeps the key that is there.'} />
            <TextField label="Container" required value={container} onInput={setContainer} placeholder="uploads" hint="It has to be there already." />
            <SelectField label="A device has, for an upload" value={sasTtl} onInput={setTtl} options={options} />
        </FormDialog>
    );
}
