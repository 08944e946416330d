// Views of a template: what the pages of its devices show in their tabs.
import type { JSX } from 'preact';
import { all, id, may, put, type Device } from '../api';
import { isNumeric, keyOf, type Capability, type Part } from '../model';
import { Empty, Loaded } from '../ui';
import { Editable, level, Reported, useProperties } from './device_properties';
import type { Entity } from './entities';
import { inOrder, pack, TileGrid, type Edit, type Tile, type TileConfiguration } from './tile_grid';
import { HasNot, isCharted } from './tiles';

export interface View extends Entity {
    kind: 'dashboard' | 'form';
    order: number;
    tiles: Tile[];
    missing?: string[]; // what it names and the template has no longer
}

export const viewsPath = (templateId: string): string => `/deviceTemplates/${id(templateId)}/views`;
export const viewsOf = async (templateId: string): Promise<View[]> => (await all<View>(viewsPath(templateId))).sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
export const putView = (templateId: string, view: Omit<View, 'etag'> & { etag?: string }): Promise<View> => put<View>(`${viewsPath(templateId)}/${id(view.id)}`, view);

// --- showing one ---

interface ViewProps {
    view: View;
    device: Device | undefined; // undefined, in the editor: there is none to show it with
    parts: Part[];
    edit?: Edit | undefined; // undefined: to look at
}

export function ViewTiles(props: ViewProps): JSX.Element {
    const { view, device } = props;
    return (
        <>
            {view.missing !== undefined && (
                <p class="notice" role="status">
                    The template no longer has {view.missing.join(', ')}, which this view names.
                </p>
            )}
            {device === undefined ? <Outline {...props} /> : view.kind === 'form' ? <FormTiles {...props} device={device} /> : <DashboardTiles {...props} device={device} />}
        </>
    );
}

/** What a tile says of itself needs no device. */
const isBound = (of: TileConfiguration): boolean => of.capabilities !== undefined || of.command !== undefined;

function DashboardTiles({ view, device, edit }: ViewProps & { device: Device }): JSX.Element {
    const tiles = inOrder(view.tiles).map((tile) => ({ ...tile, configuration: boundTo(device.id, tile.configuration) }));
    return <TileGrid known tiles={tiles} edit={edit} />;
}

function boundTo(device: string, of: TileConfiguration): TileConfiguration {
    if (!isBound(of)) return of;
    return of.type === 'command' ? { ...of, device } : { ...of, devices: [device] };
}

function FormTiles({ view, device, parts, edit }: ViewProps & { device: Device }): JSX.Element {
    const values = useProperties(device.id);
    const capabilities = parts.flatMap((part) => part.capabilities.filter((one) => one.kind === 'Property'));
    const named = (of: TileConfiguration): Capability[] => (of.capabilities ?? []).flatMap(({ capability }) => capabilities.find((one) => keyOf(one) === capability) ?? []);
    return (
        <Loaded of={values}>
            {(all) => (
                <TileGrid
                    form
                    tiles={inOrder(view.tiles)}
                    edit={edit}
                    show={(of) =>
                        of.type !== 'property' ? undefined : (
                            <>
                                {parts.length > 0 && named(of).length === 0 && <HasNot of={of} />}
                                {named(of).map((one) =>
                                    one.writable ? (
                                        <Editable key={keyOf(one)} device={device} of={one} values={level(all, one.component)} reload={values.reload} />
                                    ) : (
                                        <dl class="facts">
                                            <Reported of={one} values={level(all, one.component)} />
                                        </dl>
                                    ),
                                )}
                            </>
                        )
                    }
                />
            )}
        </Loaded>
    );
}

/** Without a device: the names of what it would show. */
function Outline({ view, parts, edit }: ViewProps): JSX.Element {
    const names = new Map(parts.flatMap((part) => part.capabilities.map((one) => [keyOf(one), one.displayName])));
    const said = (of: TileConfiguration): string => [...(of.capabilities ?? []).map((one) => one.capability), ...(of.command === undefined ? [] : [of.command])].map((name) => names.get(name) ?? name).join(', ');
    return <TileGrid form={view.kind === 'form'} tiles={inOrder(view.tiles)} edit={edit} show={(of) => (isBound(of) ? <p class="dim">{said(of)}</p> : undefined)} />;
}

// --- the three that are made of a template ---

const MOST_VALUES = 6;
const MOST_CHARTS = 12;
const MOST_COMMANDS = 30;
const MOST_PARTS = 3;
const MOST_NAMES = 30; // of a tile: two of each part are below the 200 of a view
const AXES = { xAxisEnabled: true, yAxisEnabled: true, legendEnabled: true };
const TIMED = { type: 'time', duration: 'PT30M', resolution: 'PT1M' };

const tile = (displayName: string, width: number, height: number, configuration: TileConfiguration): Tile => ({ displayName: displayName.slice(0, 60), x: 0, y: 0, width, height, configuration });
const nameIn = (parts: Part[], one: Capability): string => (one.component === '' ? one.displayName : `${parts.find((part) => part.name === one.component)?.displayName ?? one.component}: ${one.displayName}`);
const shown = (list: Capability[]): { capability: string }[] => list.slice(0, MOST_NAMES).map((one) => ({ capability: keyOf(one) }));

/** Charts of what the device itself measures; a component often speaks seldom, as about its own state. */
function overview(parts: Part[]): Tile[] {
    const telemetryOf = (part: Part): Capability[] => part.capabilities.filter((one) => one.kind === 'Telemetry');
    const own = parts.filter((part) => part.name === '').flatMap(telemetryOf);
    const main = own.length > 0 ? own : parts.flatMap(telemetryOf);
    const charted = main.filter((one) => isCharted(one)).slice(0, MOST_CHARTS);
    const others = parts.map((part) => ({ part, list: telemetryOf(part).filter((one) => !charted.includes(one)) })).filter(({ list }) => list.length > 0);
    return [
        ...main.filter((one) => isNumeric(one.schema)).slice(0, MOST_VALUES).map((one) => tile(nameIn(parts, one), 1, 1, { type: 'lkv', capabilities: shown([one]) })),
        ...charted.map((one) => tile(`${nameIn(parts, one)} over time`, 3, 2, { type: 'lineChart', capabilities: [{ capability: keyOf(one), aggregateFunction: 'avg' }], queryRange: TIMED, format: AXES })),
        ...others.slice(0, MOST_PARTS).map(({ part, list }) => tile(part.name === '' ? 'Other values' : part.displayName, 3, 2, { type: 'lkv', capabilities: shown(list) })),
    ];
}

function about(parts: Part[]): Tile[] {
    return parts.slice(0, MOST_PARTS).flatMap((part) => {
        const own = part.capabilities.filter((one) => one.kind === 'Property');
        const groups: [string, Capability[]][] = [
            ['Settings', own.filter((one) => one.writable)],
            ['Properties', own.filter((one) => !one.writable)],
        ];
        return groups
            .filter(([, list]) => list.length > 0)
            .map(([name, list]) => tile(part.name === '' ? name : `${part.displayName}: ${name.toLowerCase()}`, 3, 2, { type: 'property', capabilities: shown(list) }));
    });
}

const commands = (parts: Part[]): Tile[] =>
    parts
        .flatMap((part) => part.capabilities.filter((one) => one.kind === 'Command'))
        .slice(0, MOST_COMMANDS)
        .map((one) => tile(nameIn(parts, one), 2, 2, { type: 'command', command: keyOf(one) }));

/** Overview, About and Commands, each where the template has something for it. */
export async function generateViews(templateId: string, parts: Part[]): Promise<void> {
    const made: [string, string, View['kind'], Tile[]][] = [
        ['overview', 'Overview', 'dashboard', overview(parts)],
        ['about', 'About', 'form', about(parts)],
        ['commands', 'Commands', 'dashboard', commands(parts)],
    ];
    const wanted = made.filter(([, , , tiles]) => tiles.length > 0);
    if (wanted.length === 0) throw new Error('The template has nothing that a view could show.');
    for (const [order, [own, displayName, kind, tiles]] of wanted.entries()) await putView(templateId, { id: own, displayName, kind, order, tiles: pack(tiles) });
}

/** In a device's tab, with the way to change it. */
export function DeviceTemplateView({ view, device, parts }: { view: View; device: Device; parts: Part[] }): JSX.Element {
    const edit = may('template.write') && (
        <p class="silent">
            <a href={`#/templates/${id(device.template ?? '')}/views/${id(view.id)}`}>Edit this view</a> <span class="dim">for all devices of the template</span>
        </p>
    );
    if (view.tiles.length === 0) return <Empty title="This view has no tiles yet">{edit}</Empty>;
    return (
        <>
            <ViewTiles view={view} device={device} parts={parts} />
            {edit}
        </>
    );
}
