// Lists of simple things with a form each: groups, tokens, users, organizations.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { all, id, may, remove } from '../api';
import { Confirm, Empty, Icon, Loaded, Table, useResource, type Children, type Column, type Resource } from '../ui';

export interface Entity {
    id: string;
    displayName?: string;
    etag?: string;
}

/** A short id that no one has to think of. */
export const freshId = (prefix: string): string => `${prefix}-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36)}`;

export function useEntities<T>(path: string): Resource<T[]> {
    return useResource(() => all<T>(path), [path]);
}

interface EntityListProps<T extends Entity> {
    path: string;
    what: string; // "token"
    empty: Children;
    list: Resource<T[]>;
    columns: Column<T>[];
    add?: () => void;
    edit?: (of: T) => void;
    fixed?: (of: T) => boolean;
    right: string; // what it takes to change one
}

export function EntityList<T extends Entity>(props: EntityListProps<T>): JSX.Element {
    const [removing, setRemoving] = useState<T>();
    const actions: Column<T> = {
        name: 'Actions',
        class: 'end',
        cell: (one) =>
            props.fixed?.(one) === true ? null : (
                <div class="row-actions">
                    {props.edit !== undefined && (
                        <button class="small" onClick={() => props.edit?.(one)} aria-label={`Edit ${one.displayName ?? one.id}`}>
                            Edit
                        </button>
                    )}
                    <button class="small" onClick={() => setRemoving(one)} aria-label={`Delete ${one.displayName ?? one.id}`}>
                        Delete
                    </button>
                </div>
            ),
    };
    return (
        <>
            <Loaded of={props.list} lines={3}>
                {(rows) =>
                    rows.length === 0 ? (
                        <Empty title={`No ${props.what}s yet`}>
                            {props.empty}
                            {props.add !== undefined && may(props.right) && (
                                <button onClick={props.add}>
                                    <Icon name="plus" /> New {props.what}
                                </button>
                            )}
                        </Empty>
                    ) : (
                        <Table label={`${props.what}s`} rows={rows} keyOf={(one) => one.id} columns={may(props.right) ? [...props.columns, actions] : props.columns} />
                    )
                }
            </Loaded>
            {removing !== undefined && (
                <Confirm
                    title={`Delete ${props.what}`}
                    text={
                        <>
                            Delete <b>{removing.displayName ?? removing.id}</b>?
                        </>
                    }
                    submit="Delete"
                    onClose={() => setRemoving(undefined)}
                    onSubmit={async () => {
                        await remove(`${props.path}/${id(removing.id)}`);
                        props.list.reload();
                    }}
                />
            )}
        </>
    );
}

export const NewButton = ({ what, right, onClick }: { what: string; right: string; onClick: () => void }): JSX.Element | null =>
    may(right) ? (
        <button class="primary" onClick={onClick}>
            <Icon name="plus" /> New {what}
        </button>
    ) : null;
