// Device groups: a question that devices answer.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { all, id, put, type Device } from '../api';
import { templateName } from '../model';
import { Card, Empty, FormDialog, Loaded, Online, Page, SelectField, StateBadge, Table, TextField, useResource } from '../ui';
import { useTemplates } from './devices';
import { EntityList, freshId, NewButton, useEntities, type Entity } from './entities';

export interface Group extends Entity {
    description?: string;
    filter?: string;
}

export const groupDevices = (group: string): Promise<Device[]> => all<Device>(`/deviceGroups/${id(group)}/devices`);

export function GroupsView({ chosen }: { chosen: string | undefined }): JSX.Element {
    const list = useEntities<Group>('/deviceGroups');
    const [open, setOpen] = useState<Group | 'new'>();
    const group = list.data?.find((one) => one.id === chosen);
    return (
        <Page
            title="Device groups"
            lead="A group is a filter: devices come and go by what they are. Jobs, dashboards and analytics use them."
            actions={<NewButton what="group" right="group.write" onClick={() => setOpen('new')} />}
        >
            <EntityList
                path="/deviceGroups"
                what="group"
                right="group.write"
                list={list}
                empty={<p>Begin with one for all devices of a template.</p>}
                add={() => setOpen('new')}
                edit={setOpen}
                columns={[
                    {
                        name: 'Group',
                        class: 'main',
                        cell: (one) => (
                            <>
                                <a class="strong" href={`#/groups/${id(one.id)}`} aria-current={one.id === chosen ? 'true' : undefined}>
                                    {one.displayName ?? one.id}
                                </a>
                                {one.description !== undefined && one.description !== '' && <span class="sub dim">{one.description}</span>}
                            </>
                        ),
                    },
                    { name: 'Filter', class: 'long', cell: (one) => <code>{one.filter}</code> },
                ]}
            />
            {group !== undefined && <Members group={group} />}
            {open !== undefined && <GroupForm of={open === 'new' ? undefined : open} onClose={() => setOpen(undefined)} onDone={list.reload} />}
        </Page>
    );
}

function Members({ group }: { group: Group }): JSX.Element {
    const devices = useResource(() => groupDevices(group.id), [group.id, group.filter]);
    return (
        <Card title={`In ${group.displayName ?? group.id}`} class="spaced">
            <Loaded of={devices} lines={3}>
                {(list) =>
                    list.length === 0 ? (
                        <Empty title="No device fits the filter" />
                    ) : (
                        <Table
                            label="Devices of the group"
                            rows={list}
                            keyOf={(one) => one.id}
                            columns={[
                                { name: 'Device', class: 'main', cell: (one) => <a href={`#/devices/${id(one.id)}`}>{one.displayName ?? one.id}</a> },
                                { name: 'State', cell: (one) => <StateBadge device={one} /> },
                                { name: 'Last seen', cell: (one) => <Online device={one} /> },
                            ]}
                        />
                    )
                }
            </Loaded>
        </Card>
    );
}

export const filterOf = (template: string, more = ''): string => `SELECT * FROM devices WHERE $template = "${template}"${more}`;

function GroupForm(props: { of: Group | undefined; onClose: () => void; onDone: () => void }): JSX.Element {
    const { of } = props;
    const templates = useTemplates();
    const [name, setName] = useState(of?.displayName ?? '');
    const [description, setDescription] = useState(of?.description ?? '');
    const [filter, setFilter] = useState(of?.filter ?? '');
    const save = async (): Promise<void> => {
        await put(`/deviceGroups/${id(of?.id ?? freshId('group'))}`, { ...of, displayName: name, description, filter });
        props.onDone();
    };
    return (
        <FormDialog title={of === undefined ? 'New device group' : `Edit ${of.displayName ?? of.id}`} submit="Save" onClose={props.onClose} onSubmit={save} wide>
            <TextField label="Name" required autofocus value={name} onInput={setName} />
            <TextField label="Description" value={description} onInput={setDescription} />
            <SelectField
                label="Start from a template"
                value=""
                onInput={(template) => template !== '' && setFilter(filterOf(template))}
                options={[['', 'Choose…'], ...[...templates.values()].map((one): [string, string] => [one['@id'], templateName(one)])]}
            />
            <TextField
                label="Filter"
                required
                mono
                rows={3}
                value={filter}
                onInput={setFilter}
                hint={
                    <>
                        Add conditions with AND and OR: <code>$provisioned = true</code>, <code>$simulated = false</code>, properties by name.
                    </>
                }
            />
        </FormDialog>
    );
}
