// Device templates: what a device of one can send and take, in a flat list.

export type Json = Record<string, unknown>;

export interface Field {
    name: string;
    displayName: string;
    schema: Schema;
}

export type Schema =
    | { kind: 'primitive'; name: string }
    | { kind: 'enum'; values: { name: string; label: string; value: string | number }[] }
    | { kind: 'object'; fields: Field[] }
    | { kind: 'array'; element: Schema }
    | { kind: 'map'; value: Schema }
    | { kind: 'other'; name: string };

export interface Capability {
    kind: 'Telemetry' | 'Property' | 'Command';
    component: string; // '': the root
    name: string;
    displayName: string;
    description: string;
    schema: Schema;
    unit: string;
    min?: number;
    max?: number;
    writable: boolean;
    cloud: boolean;
    durable: boolean;
    request?: Field;
    response?: Field;
}

export interface Template {
    '@id': string;
    etag?: string;
    displayName?: unknown;
    description?: unknown;
    capabilityModel?: Json;
    [other: string]: unknown;
}

const PRIMITIVES = new Set(['boolean', 'date', 'dateTime', 'double', 'duration', 'float', 'integer', 'long', 'string', 'time']);
const MAX_DEPTH = 12; // of what is shown; the service allows more

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A string, or a map of languages. */
export function label(value: unknown, otherwise: string): string {
    if (typeof value === 'string') return value;
    if (!isObject(value)) return otherwise;
    const own = value[navigator.language] ?? value[navigator.language.slice(0, 2)] ?? value['en'] ?? Object.values(value)[0];
    return typeof own === 'string' ? own : otherwise;
}

export const templateName = (t: Template): string => label(t.displayName, label(t.capabilityModel?.['displayName'], t['@id']));
export const typesOf = (item: Json): string[] => list(item['@type']).filter((type): type is string => typeof type === 'string');

type Named = Map<string, Json>;

function field(value: unknown, named: Named, depth: number): Field | undefined {
    if (!isObject(value) || typeof value['name'] !== 'string') return undefined;
    const name = value['name'];
    return { name, displayName: label(value['displayName'], name), schema: schemaOf(value['schema'], named, depth) };
}

function schemaOf(value: unknown, named: Named, depth = 0): Schema {
    if (typeof value === 'string') {
        const short = value.replace(/^dtmi:dtdl:instance:Schema:/, '').replace(/;\d+$/, '');
        if (PRIMITIVES.has(short)) return { kind: 'primitive', name: short };
        const found = named.get(value);
        if (found !== undefined && depth < MAX_DEPTH) return schemaOf(found, named, depth + 1);
        return { kind: 'other', name: short };
    }
    if (!isObject(value) || depth >= MAX_DEPTH) return { kind: 'other', name: 'any' };
    const type = typesOf(value).find((name) => ['Enum', 'Object', 'Array', 'Map'].includes(name));
    if (type === 'Enum')
        return {
            kind: 'enum',
            values: list(value['enumValues']).filter(isObject).map((item) => ({
                name: String(item['name']),
                label: label(item['displayName'], String(item['name'])),
                value: item['enumValue'] as string | number,
            })),
        };
    if (type === 'Object') {
        const fields = list(value['fields']).map((item) => field(item, named, depth + 1));
        return { kind: 'object', fields: fields.filter((item): item is Field => item !== undefined) };
    }
    if (type === 'Array') return { kind: 'array', element: schemaOf(value['elementSchema'], named, depth + 1) };
    if (type === 'Map') {
        const map = isObject(value['mapValue']) ? value['mapValue']['schema'] : undefined;
        return { kind: 'map', value: schemaOf(map, named, depth + 1) };
    }
    return { kind: 'other', name: type ?? 'any' };
}

/** What a schema is called where there is little room. */
export function schemaName(schema: Schema): string {
    switch (schema.kind) {
        case 'array':
            return `array of ${schemaName(schema.element)}`;
        case 'map':
            return `map of ${schemaName(schema.value)}`;
        case 'enum':
            return 'enum';
        case 'object':
            return 'object';
        default:
            return schema.name;
    }
}

export const isNumeric = (schema: Schema): boolean =>
    schema.kind === 'primitive' && ['double', 'float', 'integer', 'long'].includes(schema.name);

export const isBoolean = (schema: Schema): boolean => schema.kind === 'primitive' && schema.name === 'boolean';

/** Percent have a range of their own: the whole of it is shown. */
export const wholeRange = ({ unit, min, max }: Capability): [number, number] | undefined =>
    unit === '%' && min !== undefined && max !== undefined ? [min, max] : undefined;

const asNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

import { unitSymbol } from './format';

function capability(item: Json, component: string, named: Named): Capability | undefined {
    const types = typesOf(item);
    const kind = (['Telemetry', 'Property', 'Command'] as const).find((name) => types.includes(name));
    if (kind === undefined || typeof item['name'] !== 'string') return undefined;
    const own: Capability = {
        kind,
        component,
        name: item['name'],
        displayName: label(item['displayName'], item['name']),
        description: label(item['description'], ''),
        schema: schemaOf(item['schema'], named),
        unit: typeof item['displayUnit'] === 'string' ? item['displayUnit'] : unitSymbol(item['unit'] as string | undefined),
        writable: item['writable'] === true || types.includes('Cloud'),
        cloud: types.includes('Cloud'),
        durable: item['durable'] === true,
    };
    const min = asNumber(item['minValue']);
    const max = asNumber(item['maxValue']);
    if (min !== undefined) own.min = min;
    if (max !== undefined) own.max = max;
    const request = field(item['request'], named, 0);
    const response = field(item['response'], named, 0);
    if (request !== undefined) own.request = request;
    if (response !== undefined) own.response = response;
    return own;
}

/** Everything with an @id in the document: interfaces and schemas may be given once and named elsewhere. */
function collect(root: Json): Named {
    const named: Named = new Map();
    const open: unknown[] = [root];
    while (open.length > 0) {
        const item = open.pop();
        if (Array.isArray(item)) open.push(...(item as unknown[]));
        else if (isObject(item)) {
            if (typeof item['@id'] === 'string' && item['@type'] !== undefined) named.set(item['@id'], item);
            open.push(...Object.values(item));
        }
    }
    return named;
}

/** Interface and what it extends, each once. */
function interfaces(root: unknown, named: Named): Json[] {
    const found: Json[] = [];
    const open: unknown[] = [root];
    while (open.length > 0) {
        const next = open.shift();
        const item = typeof next === 'string' ? named.get(next) : next;
        if (!isObject(item) || found.includes(item)) continue;
        found.push(item);
        open.push(...list(item['extends']));
    }
    return found;
}

export interface Part {
    name: string; // '': the root
    displayName: string;
    capabilities: Capability[];
}

/** The root and each component, with what they can do. */
export function partsOf(template: Template): Part[] {
    const model = template.capabilityModel;
    if (model === undefined) return [];
    const named = collect(template as unknown as Json);
    const root: Part = { name: '', displayName: label(model['displayName'], 'Device'), capabilities: [] };
    const parts = [root];
    const contents = (of: unknown): Json[] => interfaces(of, named).flatMap((one) => list(one['contents']).filter(isObject));
    for (const item of contents(model)) {
        if (typesOf(item).includes('Component') && typeof item['name'] === 'string') {
            const name = item['name'];
            const own = contents(item['schema']).map((inner) => capability(inner, name, named));
            parts.push({
                name,
                displayName: label(item['displayName'], name),
                capabilities: own.filter((one): one is Capability => one !== undefined),
            });
        } else {
            const one = capability(item, '', named);
            if (one !== undefined) root.capabilities.push(one);
        }
    }
    return parts;
}

export const capabilitiesOf = (template: Template): Capability[] => partsOf(template).flatMap((part) => part.capabilities);
export const keyOf = (capability: { component: string; name: string }): string =>
    capability.component === '' ? capability.name : `${capability.component}.${capability.name}`;
/** Where the API has it: "/components/x/telemetry/y". */
export const pathOf = (c: { component: string }, rest: string): string =>
    (c.component === '' ? '' : `/components/${encodeURIComponent(c.component)}`) + rest;
