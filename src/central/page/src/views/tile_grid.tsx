// Tiles on a grid: where they stand, and how somebody moves them. What one shows: tiles.tsx.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon, useAction, useSay } from '../ui';
import { Streamed, TileBody } from './tiles';

export interface Tile {
    id?: string;
    displayName: string;
    x: number;
    y: number;
    width: number;
    height: number;
    configuration: TileConfiguration;
}

export interface TileConfiguration {
    type: string;
    group?: string;
    devices?: string[];
    capabilities?: { capability: string; aggregateFunction?: string }[];
    queryRange?: { type: string; duration?: string; resolution?: string; count?: number };
    description?: string;
    text?: string;
    command?: string;
    device?: string;
    textSize?: number;
    image?: string;
    href?: string;
    sourceUrl?: string;
    [other: string]: unknown;
}

export const COLUMNS = 6;
const ARROWS: Record<string, [x: number, y: number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Places tiles from left to right, a row as high as its highest. */
export function pack(tiles: Tile[]): Tile[] {
    let x = 0;
    let y = 0;
    let high = 0;
    return tiles.map((tile) => {
        const width = Math.min(tile.width, COLUMNS);
        if (x + width > COLUMNS) {
            x = 0;
            y = Math.min(100, y + high);
            high = 0;
        }
        const placed = { ...tile, x, y };
        x += width;
        high = Math.max(high, tile.height);
        return placed;
    });
}

export const inOrder = (tiles: Tile[]): Tile[] => [...tiles].sort((a, b) => a.y - b.y || a.x - b.x);

export interface Edit {
    save: (next: Tile[]) => Promise<void>;
    open: (at: number) => void; // the form of a tile
}

interface GridProps {
    tiles: Tile[]; // in order
    edit?: Edit | undefined; // undefined: to look at
    show?: (of: TileConfiguration) => JSX.Element | undefined; // in place of what tiles show by themselves
    known?: boolean; // all are of a device that is named above them
    form?: boolean; // tiles are as high as what is in them
}

export function TileGrid({ tiles, edit, show, known, form }: GridProps): JSX.Element {
    const editing = edit !== undefined;
    const save = async (next: Tile[]): Promise<void> => edit?.save(next);
    const [busy, act] = useAction();
    const [dragged, setDragged] = useState<number>();
    const say = useSay();
    const grid = useRef<HTMLDivElement>(null);
    const [moved, setMoved] = useState<{ to: number }>();
    // A tile that moves is drawn anew; its handle keeps the focus, so that the next key moves it on.
    useEffect(() => {
        if (moved !== undefined) grid.current?.querySelectorAll<HTMLElement>('.handle')[moved.to]?.focus();
    }, [moved]);
    const change = (next: Tile[]): void => void act(() => save(next));
    const move = (at: number, to: number): void => {
        const next = [...tiles];
        const [tile] = next.splice(at, 1);
        if (tile === undefined || to < 0 || to > next.length) return;
        next.splice(to, 0, tile);
        void act(() => save(next)).then((done) => {
            if (!done) return;
            setMoved({ to });
            say(`${tile.displayName} is number ${to + 1} of ${tiles.length}.`);
        });
    };
    const resize = (at: number, width: number, height: number): void =>
        change(tiles.map((tile, i) => (i === at ? { ...tile, width: Math.max(1, Math.min(COLUMNS, width)), height: Math.max(1, Math.min(6, height)) } : tile)));
    /** With the tile's handle in focus: arrows move it, with Shift they change its size. */
    const onKey = (event: KeyboardEvent, at: number, tile: Tile): void => {
        const [x, y] = ARROWS[event.key] ?? [0, 0];
        if (x === 0 && y === 0) return;
        event.preventDefault();
        if (event.shiftKey) resize(at, tile.width + x, tile.height + y);
        else move(at, at + x + y);
    };
    const drop = (to: number): void => {
        if (dragged !== undefined && dragged !== to) move(dragged, to);
        setDragged(undefined);
    };
    return (
        <Streamed tiles={tiles}>
            {editing && <p class="dim toolbar">Drag a tile by its name, or focus its handle: the arrow keys move it, with Shift they change its size.</p>}
            <div ref={grid} class={['tiles', ...(editing ? ['editing'] : []), ...(form === true ? ['form'] : [])].join(' ')}>
                {tiles.map((tile, i) => (
                    <section
                        key={tile.id ?? `${i} ${tile.displayName}`}
                        class={`card tile w${Math.min(tile.width, COLUMNS)} h${Math.min(tile.height, 6)}${dragged === i ? ' dragged' : ''}`}
                        aria-label={tile.displayName}
                        tabIndex={0}
                        onDragOver={(event) => dragged !== undefined && event.preventDefault()}
                        onDrop={(event) => (event.preventDefault(), drop(i))}
                    >
                        <div class="card-head" draggable={editing} onDragStart={(event) => (event.dataTransfer?.setData('text/plain', tile.displayName), setDragged(i))} onDragEnd={() => setDragged(undefined)}>
                            <h2>{tile.displayName}</h2>
                            {editing && (
                                <div class="tile-tools">
                                    <button class="small handle" aria-label={`Move ${tile.displayName}`} title="Arrow keys move, Shift and arrow keys change the size" disabled={busy && dragged !== undefined} onKeyDown={(event) => onKey(event, i, tile)}>
                                        <Icon name="move" />
                                    </button>
                                    <button class="small" disabled={busy} onClick={() => edit.open(i)} aria-label={`Edit ${tile.displayName}`}>
                                        <Icon name="edit" />
                                    </button>
                                    <button class="small" disabled={busy} onClick={() => change(tiles.filter((_, at) => at !== i))} aria-label={`Remove ${tile.displayName}`}>
                                        <Icon name="close" />
                                    </button>
                                </div>
                            )}
                        </div>
                        {show?.(tile.configuration) ?? <TileBody of={tile.configuration} tall={Math.min(tile.height, 6)} known={known === true} />}
                    </section>
                ))}
            </div>
        </Streamed>
    );
}
