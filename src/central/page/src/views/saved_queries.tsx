// Saved queries: kept by the service under a name, run here and by tiles of dashboards.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { get, id, may, put, remove } from '../api';
import { Chart } from '../chart';
import { csv, download } from '../format';
import { columnsOf, MOST_ROWS, numbersIn, seriesIn } from '../query_result';
import { query, type Row } from '../telemetry';
import { Card, Code, Confirm, Empty, FormDialog, Loaded, Page, TextField, useResource } from '../ui';
import { ChartOrTable, NumbersTable } from './chart_or_table';
import { EntityList, freshId, useEntities, type Entity } from './entities';
import type { TileConfiguration } from './tile_grid';
import { useFresh } from './tiles';

export interface SavedQuery extends Entity {
    description?: string;
    query: string;
}

export const QUERIES = '/queries';
const RIGHT = 'dashboard.write';
const AGAIN_MS = 60000; // queries are few a second where limits hold

export const mayKeepQueries = (): boolean => may(RIGHT);

/** The chart of an answer that has times, else its table. */
function Answer({ rows, height, label }: { rows: Row[]; height: number; label: string }): JSX.Element {
    const series = seriesIn(rows);
    if (rows.length === 0) return <p class="dim">The query found nothing.</p>;
    if (series.length === 0) return <NumbersTable of={numbersIn(rows, label)} />;
    return (
        <ChartOrTable numbers={() => numbersIn(rows, label)}>
            <Chart series={series} height={height} label={label} />
        </ChartOrTable>
    );
}

/** A tile's time takes the place of the query's; a count shows so many rows. */
async function answerOf(of: TileConfiguration): Promise<{ name: string; rows: Row[] }> {
    const saved = await get<SavedQuery>(`${QUERIES}/${id(String(of['query']))}`);
    const { type, duration, count } = of.queryRange ?? {};
    const text = type === 'time' && duration !== undefined ? saved.query.replace(/WITHIN_WINDOW\([^)]*\)/i, `WITHIN_WINDOW(${duration})`) : saved.query;
    const rows = await query(text);
    return { name: saved.displayName ?? saved.id, rows: type === 'count' ? rows.slice(0, count) : rows };
}

export function QueryTile({ of, height }: { of: TileConfiguration; height: number }): JSX.Element {
    const answer = useFresh(() => answerOf(of), [JSON.stringify(of)], AGAIN_MS);
    return (
        <Loaded of={answer} lines={2}>
            {({ name, rows }) => <Answer rows={rows} height={height} label={name} />}
        </Loaded>
    );
}

export function QueryForm(props: { of?: SavedQuery; text?: string; onClose: () => void; onDone: (saved: SavedQuery) => void }): JSX.Element {
    const [name, setName] = useState(props.of?.displayName ?? '');
    const [text, setText] = useState(props.of?.query ?? props.text ?? '');
    const save = async (): Promise<void> => {
        const own = props.of?.id ?? freshId('query');
        props.onDone(await put<SavedQuery>(`${QUERIES}/${id(own)}`, { ...props.of, displayName: name, query: text }));
    };
    return (
        <FormDialog title={props.of === undefined ? 'Save query' : 'Edit query'} submit="Save" onClose={props.onClose} onSubmit={save}>
            <TextField label="Name" required autofocus value={name} onInput={setName} />
            <TextField label="Query" required mono rows={5} value={text} onInput={setText} hint="SELECT AVG(name) FROM template WHERE WITHIN_WINDOW(P1D) GROUP BY WINDOW(PT10M); 350 characters at most." />
        </FormDialog>
    );
}

export function SavedQueries(): JSX.Element {
    const list = useEntities<SavedQuery>(QUERIES);
    const [editing, setEditing] = useState<SavedQuery>();
    if (list.data?.length === 0) return <></>;
    return (
        <section>
            <h2 class="part">Saved queries</h2>
            <EntityList
                path={QUERIES}
                what="query"
                list={list}
                empty={null}
                edit={setEditing}
                right={RIGHT}
                columns={[
                    {
                        name: 'Query',
                        class: 'main',
                        cell: (one) => (
                            <a class="strong" href={`#/analytics/${id(one.id)}`}>
                                {one.displayName ?? one.id}
                            </a>
                        ),
                    },
                    { name: 'Text', class: 'long', cell: (one) => <code class="clamp">{one.query}</code> },
                ]}
            />
            {editing !== undefined && <QueryForm of={editing} onClose={() => setEditing(undefined)} onDone={list.reload} />}
        </section>
    );
}

export function SavedQueryView({ queryId }: { queryId: string }): JSX.Element {
    const saved = useResource(() => get<SavedQuery>(`${QUERIES}/${id(queryId)}`), [queryId]);
    const [editing, setEditing] = useState(false);
    const [deleting, setDeleting] = useState(false);
    const { data } = saved;
    return (
        <Page
            title={data?.displayName ?? 'Saved query'}
            back={{ href: '#/analytics', text: 'Analytics' }}
            actions={
                data !== undefined &&
                may(RIGHT) && (
                    <>
                        <button onClick={() => setEditing(true)}>Edit</button>
                        <button onClick={() => setDeleting(true)}>Delete</button>
                    </>
                )
            }
        >
            <Loaded of={saved}>
                {(own) => (
                    <>
                        <Code label="query" text={own.query} />
                        <Found key={own.query} of={own} />
                    </>
                )}
            </Loaded>
            {editing && data !== undefined && <QueryForm of={data} onClose={() => setEditing(false)} onDone={saved.set} />}
            {deleting && data !== undefined && (
                <Confirm
                    title="Delete query"
                    text={
                        <>
                            Delete <b>{data.displayName}</b>? Tiles of dashboards that show it will say that it is gone.
                        </>
                    }
                    submit="Delete"
                    onClose={() => setDeleting(false)}
                    onSubmit={async () => {
                        await remove(`${QUERIES}/${id(queryId)}`);
                        location.hash = '#/analytics';
                    }}
                />
            )}
        </Page>
    );
}

function Found({ of }: { of: SavedQuery }): JSX.Element {
    const rows = useResource(() => query(of.query), []);
    return (
        <Loaded of={rows}>
            {(found) => {
                if (found.length === 0) return <Empty title="The query found nothing" />;
                const columns = columnsOf(found);
                const title = `${found.length} ${found.length === 1 ? 'row' : 'rows'}${found.length > MOST_ROWS ? `, of which ${MOST_ROWS} are shown` : ''}`;
                return (
                    <Card title={title} class="spaced" actions={<button onClick={() => download('query.csv', 'text/csv', csv(columns, found.map((row) => columns.map((name) => row[name]))))}>Export CSV</button>}>
                        <Answer rows={found} height={300} label={of.displayName ?? of.id} />
                    </Card>
                );
            }}
        </Loaded>
    );
}
