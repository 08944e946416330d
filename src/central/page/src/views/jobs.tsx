// Jobs: one change or command for a whole group.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { all, get, id, may, post, put } from '../api';
import { when } from '../format';
import { capabilitiesOf, keyOf, templateName } from '../model';
import { Control } from '../schema';
import { Badge, Card, Empty, Facts, FormDialog, Loaded, Page, SelectField, Table, Tabs, TextField, useAction, useInterval, useResource, type Tone } from '../ui';
import { useTemplates } from './devices';
import { EntityList, freshId, NewButton, useEntities, type Entity } from './entities';
import type { Group } from './groups';

interface Job extends Entity {
    description?: string;
    group?: string;
    status?: string;
    start?: string;
    end?: string;
    progress?: { total?: number; pending?: number; completed?: number; failed?: number };
    data?: { type: string; target?: string; path?: string; value?: unknown }[];
}

const TONES: Record<string, Tone> = { complete: 'good', completed: 'good', running: 'info', pending: 'warn', failed: 'bad', cancelled: 'bad', stopped: 'dim' };
const Status = ({ of }: { of: string | undefined }): JSX.Element => <Badge tone={TONES[(of ?? '').toLowerCase()] ?? 'dim'}>{of ?? 'unknown'}</Badge>;

function Progress({ of }: { of: Job }): JSX.Element {
    const { total = 0, completed = 0, failed = 0 } = of.progress ?? {};
    return (
        <span class="progress">
            <progress max={Math.max(1, total)} value={completed + failed} aria-label="Progress" />
            <span class="dim">
                {completed + failed} of {total}
                {failed > 0 && <span class="bad">, {failed} failed</span>}
            </span>
        </span>
    );
}

export function JobsView({ scheduled }: { scheduled: boolean }): JSX.Element {
    const [making, setMaking] = useState(false);
    return (
        <Page title="Jobs" lead="Set a property, run a command or change the template of every device in a group." actions={<NewButton what="job" right="job.write" onClick={() => setMaking(true)} />}>
            <Tabs
                label="Jobs"
                current={scheduled ? 'scheduled' : 'jobs'}
                tabs={[
                    { key: 'jobs', text: 'Jobs', href: '#/jobs' },
                    { key: 'scheduled', text: 'Scheduled', href: '#/jobs/scheduled' },
                ]}
            />
            {scheduled ? <ScheduledList /> : <JobList />}
            {making && <NewJob onClose={() => setMaking(false)} />}
        </Page>
    );
}

function JobList(): JSX.Element {
    const list = useEntities<Job>('/jobs');
    const active = list.data?.some((one) => one.status === 'running' || one.status === 'pending') === true;
    useInterval(list.reload, active ? 3000 : 15000);
    return (
        <Loaded of={list}>
                {(jobs) =>
                    jobs.length === 0 ? (
                        <Empty title="No jobs yet">
                            <p>
                                A job needs a <a href="#/groups">device group</a>.
                            </p>
                        </Empty>
                    ) : (
                        <Table
                            label="Jobs"
                            rows={jobs}
                            keyOf={(one) => one.id}
                            columns={[
                                { name: 'Job', class: 'main', cell: (one) => <a class="strong" href={`#/jobs/${id(one.id)}`}>{one.displayName ?? one.id}</a> },
                                { name: 'Status', cell: (one) => <Status of={one.status} /> },
                                { name: 'Progress', cell: (one) => <Progress of={one} /> },
                                { name: 'Started', cell: (one) => when(one.start) },
                            ]}
                        />
                    )
                }
        </Loaded>
    );
}

export function JobView({ jobId }: { jobId: string }): JSX.Element {
    const job = useResource(() => get<Job>(`/jobs/${id(jobId)}`), [jobId]);
    const devices = useResource(() => all<{ id: string; status?: string; error?: string; message?: string }>(`/jobs/${id(jobId)}/devices`), [jobId]);
    const [busy, act] = useAction();
    const status = job.data?.status ?? '';
    useInterval(() => (job.reload(), devices.reload()), status === 'running' || status === 'pending' || status === '' ? 2000 : 15000);
    const tell = (verb: string): void => void act(() => (verb === 'rerun' ? put(`/jobs/${id(jobId)}/rerun/${freshId('rerun')}`, {}) : post(`/jobs/${id(jobId)}/${verb}`))).then(job.reload);
    return (
        <Page
            title={job.data?.displayName ?? jobId}
            back={{ href: '#/jobs', text: 'Jobs' }}
            actions={
                may('job.write') && (
                    <>
                        {(status === 'running' || status === 'pending') && <button disabled={busy} onClick={() => tell('stop')}>Stop</button>}
                        {status === 'stopped' && <button disabled={busy} onClick={() => tell('resume')}>Resume</button>}
                        {(job.data?.progress?.failed ?? 0) > 0 && status !== 'running' && <button disabled={busy} onClick={() => tell('rerun')}>Run the failed again</button>}
                    </>
                )
            }
        >
            <Loaded of={job}>
                {(one) => (
                    <Card>
                        <Facts
                            items={[
                                ['Status', <Status of={one.status} />],
                                ['Progress', <Progress of={one} />],
                                ['Group', one.group ?? '–'],
                                ['Started', when(one.start)],
                                ['Ended', when(one.end)],
                                ['Does', <code>{JSON.stringify(one.data)}</code>],
                            ]}
                        />
                    </Card>
                )}
            </Loaded>
            <Card title="Devices" class="spaced">
                <Loaded of={devices} lines={2}>
                    {(list) => (
                        <Table
                            label="Devices of the job"
                            rows={list}
                            keyOf={(one) => one.id}
                            columns={[
                                { name: 'Device', class: 'main', cell: (one) => <a href={`#/devices/${id(one.id)}`}>{one.id}</a> },
                                { name: 'Status', cell: (one) => <Status of={one.status} /> },
                                { name: 'Why', cell: (one) => one.error ?? one.message ?? '' },
                            ]}
                        />
                    )}
                </Loaded>
            </Card>
        </Page>
    );
}

const KINDS: [string, string][] = [
    ['property', 'Set a property'],
    ['cloudProperty', 'Set a cloud property'],
    ['command', 'Run a command'],
    ['deviceTemplateMigration', 'Change the template'],
];

const WHEN: [string, string][] = [
    ['now', 'Now'],
    ['once', 'Once, later'],
    ['daily', 'Daily'],
    ['weekly', 'Weekly'],
    ['monthly', 'Monthly'],
];

/** Local time as datetime-local wants it. */
const localMinute = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 16);

interface Scheduled extends Job {
    enabled?: boolean;
    completed?: boolean;
    schedule?: { start?: string; recurrence?: string };
}

function ScheduledList(): JSX.Element {
    const list = useEntities<Scheduled>('/scheduledJobs');
    return (
        <EntityList
            path="/scheduledJobs"
            what="scheduled job"
            right="job.write"
            list={list}
            empty={<p>Make a job, and choose a time for it.</p>}
            columns={[
                { name: 'Job', class: 'main', cell: (one) => <b>{one.displayName ?? one.id}</b> },
                { name: 'From', cell: (one) => when(one.schedule?.start) },
                { name: 'Repeats', cell: (one) => one.schedule?.recurrence ?? 'once' },
                { name: 'State', cell: (one) => (one.completed === true ? <Badge tone="dim">Over</Badge> : one.enabled === false ? <Badge tone="bad">Off</Badge> : <Badge tone="good">On</Badge>) },
            ]}
        />
    );
}

function NewJob({ onClose }: { onClose: () => void }): JSX.Element {
    const templates = useTemplates();
    const groups = useEntities<Group>('/deviceGroups').data ?? [];
    const [name, setName] = useState('');
    const [group, setGroup] = useState('');
    const [kind, setKind] = useState('property');
    const [target, setTarget] = useState('');
    const [path, setPath] = useState('');
    const [value, setValue] = useState<unknown>();
    const [recurrence, setRecurrence] = useState('now');
    const [start, setStart] = useState(() => localMinute(Date.now() + 3600e3));
    const own = templates.get(target);
    const choices = (own === undefined ? [] : capabilitiesOf(own)).filter((one) =>
        kind === 'command' ? one.kind === 'Command' : one.kind === 'Property' && one.writable && one.cloud === (kind === 'cloudProperty'),
    );
    const chosen = choices.find((one) => keyOf(one) === path);
    const schema = chosen?.kind === 'Command' ? chosen.request?.schema : chosen?.schema;
    const migrates = kind === 'deviceTemplateMigration';
    const make = async (): Promise<void> => {
        const own = freshId('job');
        const item = migrates ? { type: kind, template: target } : { type: kind, target, path, ...(kind === 'command' && value === undefined ? {} : { value: value ?? null }) };
        const body = { displayName: name, group, data: [item] };
        if (recurrence === 'now') {
            await put(`/jobs/${id(own)}`, body);
            location.hash = `#/jobs/${id(own)}`;
            return;
        }
        const schedule = { start: new Date(start).toISOString(), ...(recurrence === 'once' ? {} : { recurrence }) };
        await put(`/scheduledJobs/${id(own)}`, { ...body, schedule });
        location.hash = '#/jobs/scheduled';
    };
    const options = [...templates.values()].map((one): [string, string] => [one['@id'], templateName(one)]);
    return (
        <FormDialog title="New job" submit={recurrence === 'now' ? 'Run' : 'Schedule'} onClose={onClose} onSubmit={make}>
            <TextField label="Name" required autofocus value={name} onInput={setName} />
            <SelectField label="Device group" required value={group} onInput={setGroup} options={[['', 'Choose…'], ...groups.map((one): [string, string] => [one.id, one.displayName ?? one.id])]} hint={groups.length === 0 ? 'Make a device group first.' : undefined} />
            <SelectField label="What to do" value={kind} onInput={(next) => (setKind(next), setPath(''), setValue(undefined))} options={KINDS} />
            <SelectField label={migrates ? 'New template' : 'Template'} required value={target} onInput={(next) => (setTarget(next), setPath(''))} options={[['', 'Choose…'], ...options]} />
            {!migrates && own !== undefined && (
                <SelectField label={kind === 'command' ? 'Command' : 'Property'} required value={path} onInput={(next) => (setPath(next), setValue(undefined))} options={[['', 'Choose…'], ...choices.map((one): [string, string] => [keyOf(one), one.displayName])]} />
            )}
            {!migrates && chosen !== undefined && schema !== undefined && (
                <div class="field">
                    <label for="job-value">Value</label>
                    <Control id="job-value" label="Value" schema={schema} min={chosen.min} max={chosen.max} value={value} onChange={setValue} />
                </div>
            )}
            <div class="form-row">
                <SelectField label="When" value={recurrence} onInput={setRecurrence} options={WHEN} />
                {recurrence !== 'now' && (
                    <div class="field">
                        <label for="job-start">From</label>
                        <input id="job-start" type="datetime-local" required value={start} onInput={(event) => setStart(event.currentTarget.value)} />
                    </div>
                )}
            </div>
        </FormDialog>
    );
}
