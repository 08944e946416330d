// What the page computes without a browser: node units.mjs FOLDER, where the page is built. Exit code 77: its packages
// are not there.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';

const folder = resolve(process.argv[2]);
if (!existsSync(join(folder, 'node_modules', 'esbuild'))) {
    console.error('Skipped: the packages of the page were not fetched');
    process.exit(77);
}
const esbuild = createRequire(join(folder, 'package.json'))('esbuild');

/** A module of the page, as a browser would have it. */
async function load(name) {
    const built = await esbuild.build({ entryPoints: [join(folder, 'src', name)], bundle: true, write: false, format: 'esm', preserveSymlinks: true, jsx: 'automatic', jsxImportSource: 'preact' });
    return import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString('base64')}`);
}

const { csv, csvCell, ticks } = await load('format.ts');

describe('CSV', () => {
    for (const first of ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', ' =', '\u00a0+', '\ufeff=', '\u200b@', '\0='])
        test(`text that begins with ${JSON.stringify(first)} is no formula`, () => {
            assert.match(csvCell(`${first}1+1`), /^"?'/);
        });
    test('other text stays as it is', () => {
        for (const text of ['', 'a=b', 'pump 1', "it's", '1-2', 'ａ＝']) assert.equal(csvCell(text), text);
    });
    test('numbers stay numbers, also negative ones', () => {
        assert.deepEqual([-1.5, 0, true, null, undefined].map(csvCell), ['-1.5', '0', 'true', '', '']);
    });
    test('what would end a cell is quoted', () => {
        assert.deepEqual(['a,b', 'a;b', 'say "x"', 'a\r\nb', 'a\tb'].map(csvCell), ['"a,b"', '"a;b"', '"say ""x"""', '"a\r\nb"', '"a\tb"']);
    });
    test('names of columns are guarded too', () => {
        assert.equal(csv(['=x', 'y'], [[1, '@z']]), "'=x,y\r\n1,'@z\r\n");
    });
});

// What modules look at when they are loaded.
globalThis.location = new URL('https://localhost/');
globalThis.addEventListener = () => {};
globalThis.sessionStorage = { getItem: () => 'token', setItem() {}, removeItem() {} };
const { rowsOf } = await load('telemetry.ts');

/** What the page asks `/api/query` for, answered with `rows`. */
async function asked(names, rows) {
    const queries = [];
    globalThis.fetch = async (_url, options) => {
        queries.push(JSON.parse(options.body).query);
        return new Response(JSON.stringify({ results: rows }), { status: 200, headers: { 'Content-Type': 'application/json' } });
    };
    const found = await rowsOf({ template: 'dtmi:acme:p;1', names, windowMs: 60000 });
    return { queries, found };
}

describe('telemetry', () => {
    test('no telemetry can have the name of a column that the page gives', async () => {
        const { queries, found } = await asked(['v1', 'v0', 'motor.rpm'], [{ $ts: '2026-03-04T05:06:07Z', v0_: 1, v2_: 3 }]);
        const given = [...queries[0].matchAll(/ AS (\w+)/g)].map((match) => match[1]);
        assert.equal(given.length, 3);
        for (const name of given) assert.match(name, /_$/); // a name of DTDL ends with a letter or a digit
        assert.deepEqual(found, [{ $ts: '2026-03-04T05:06:07Z', v1: 1, 'motor.rpm': 3 }]);
    });
});

const { listen } = await load('live.ts');

/** What is listened for and not yet let go. */
function countListeners() {
    const held = new Set();
    globalThis.document = { hidden: false, addEventListener: (type, hear) => held.add(hear), removeEventListener: (type, hear) => held.delete(hear) };
    const { addEventListener: add, removeEventListener: remove } = AbortSignal.prototype;
    AbortSignal.prototype.addEventListener = function (type, hear, options) {
        held.add(hear);
        add.call(this, type, hear, options);
    };
    AbortSignal.prototype.removeEventListener = function (type, hear, options) {
        held.delete(hear);
        remove.call(this, type, hear, options);
    };
    return { held, end: () => Object.assign(AbortSignal.prototype, { addEventListener: add, removeEventListener: remove }) };
}

/** Lets `ms` pass on the mocked clock, and what waits for it run. */
async function pass(timers, ms) {
    for (let at = 0; at < ms; at += 500) {
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        timers.tick(500);
    }
}

describe('the stream of events', () => {
    test('leaves no listeners behind, however often it breaks', async ({ mock: { timers } }) => {
        timers.enable({ apis: ['setTimeout', 'Date'] });
        const listeners = countListeners();
        let asked = 0;
        globalThis.fetch = async () => (asked++, Promise.reject(new TypeError('away')));
        const end = listen({}, undefined, () => {}, () => {});
        await pass(timers, 10000);
        const early = listeners.held.size;
        await pass(timers, 60000);
        assert.ok(asked > 20, `${asked} times asked`);
        assert.equal(listeners.held.size, early);
        end();
        listeners.end();
    });
    test('is asked for seldom where it is refused for good', async ({ mock: { timers } }) => {
        timers.enable({ apis: ['setTimeout', 'Date'] });
        let asked = 0;
        globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
        globalThis.fetch = async () => (asked++, new Response(JSON.stringify({ error: { code: 'NotFound', message: 'gone' } }), { status: 404 }));
        const end = listen({ group: 'gone' }, undefined, () => {}, () => {});
        await pass(timers, 60000);
        end();
        assert.ok(asked <= 8, `${asked} times asked`);
    });
});

const { heatOf } = await load('views/tile_heat.tsx');

describe('a heat map', () => {
    test('takes the times of its cells from the service, whose clock may be another', async () => {
        const template = { '@id': 'dtmi:acme:t;1', capabilityModel: { '@id': 'dtmi:acme:m;1', contents: [{ '@type': 'Telemetry', name: 'flow', schema: 'double' }] } };
        const from = Date.parse('2026-03-04T05:00:00Z'); // 90 minutes in 30 parts, though 30 minutes were meant
        const bucketMs = 180000;
        const value = [0, 10, 29].map((i) => ({ timestamp: new Date(from + i * bucketMs).toISOString(), count: 1, min: i, max: i, avg: i }));
        globalThis.fetch = async (address) => {
            const path = new URL(address, 'https://localhost/').pathname;
            const found = path.endsWith('/history') ? { from: new Date(from).toISOString(), bucketMs, value } : path.includes('deviceTemplates') ? template : { id: 'd', template: 'dtmi:acme:t;1' };
            return new Response(JSON.stringify(found), { status: 200 });
        };
        const heat = await heatOf({ type: 'heatMapChart', devices: ['d'], capabilities: [{ capability: 'flow' }], queryRange: { type: 'time', duration: 'PT30M', resolution: 'PT1M' } });
        assert.deepEqual(Object.entries(heat.rows[0].cells).filter(([, cell]) => cell !== undefined), [['0', 0], ['10', 10], ['29', 29]]);
        assert.deepEqual([heat.from, heat.stepMs], [from, bucketMs]);
    });
});

const { configurationOf } = await load('views/tile_form.tsx');

describe('a tile that is edited', () => {
    const form = (of) => ({ kind: of.type, names: of.capabilities?.map((one) => one.capability) ?? [], aggregate: of.capabilities?.[0]?.aggregateFunction ?? 'avg', duration: of.queryRange?.duration ?? 'PT30M', text: of.description ?? of.text ?? '', command: of.command ?? '', image: of.image ?? '' });
    test('keeps what the form does not ask for', () => {
        for (const of of [
            { type: 'lineChart', capabilities: [{ capability: 'a', aggregateFunction: 'max' }, { capability: 'b', aggregateFunction: 'min' }], queryRange: { type: 'count', count: 50 }, format: { legendEnabled: false } },
            { type: 'kpi', capabilities: [{ capability: 'a', aggregateFunction: 'sum' }], queryRange: { type: 'time', duration: 'P1D', resolution: 'PT1H' }, format: { decimalPlaces: 1 } },
            { type: 'lkv', capabilities: [{ capability: 'a' }], showTrend: false, format: { textSize: 20 } },
            { type: 'mapTelemetry', capabilities: [{ capability: 'a' }], zoomLevel: 3 },
            { type: 'label', text: 'x', textSize: 48, wordWrap: false },
            { type: 'markdown', description: 'x', href: 'https://example.com/' },
            { type: 'image', image: 'data:x', href: '/x', format: { fitImage: true } },
            { type: 'dataExplorer', query: 'q', queryRange: { type: 'time', duration: 'P1W' } },
        ])
            assert.deepEqual(configurationOf(form(of), of), of);
    });
    test('has what was chosen', () => {
        const of = { type: 'lineChart', capabilities: [{ capability: 'a', aggregateFunction: 'max' }], queryRange: { type: 'count', count: 50 } };
        const { capabilities, queryRange } = configurationOf({ ...form(of), names: ['a', 'b'], aggregate: 'sum', duration: 'P1D' }, of);
        assert.deepEqual(capabilities, [{ capability: 'a', aggregateFunction: 'sum' }, { capability: 'b', aggregateFunction: 'sum' }]);
        assert.deepEqual(queryRange, { type: 'time', duration: 'P1D', resolution: 'PT30M' });
    });
    test('of another kind begins anew', () => {
        const of = { type: 'lkv', capabilities: [{ capability: 'a' }], showTrend: false };
        assert.deepEqual(configurationOf({ ...form(of), kind: 'property', names: ['b'] }, of), { type: 'property', capabilities: [{ capability: 'b' }] });
    });
});

describe('values along an axis', () => {
    test('hours that are minutes apart are told as a clock tells them', () => {
        assert.deepEqual(ticks([53700, 53760], 's'), ['14:55 h', '14:56 h']);
    });
    test('and with seconds where they are seconds apart', () => {
        assert.deepEqual(ticks([53700, 53710], 's'), ['14:55:00 h', '14:55:10 h']);
    });
    test('hours that are hours apart stay hours', () => {
        assert.deepEqual(ticks([0, 7200, 14400], 's'), ['0 h', '2 h', '4 h']);
    });
});
