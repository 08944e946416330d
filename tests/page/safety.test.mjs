// What the page must not do: run what devices and people wrote, ask elsewhere, ask too much.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { base, enter, flow, go, newContext, rest, row, screenshots, settled, until } from './flow.mjs';

const { SPOKE_BUILD_DIR: build, SPOKE_PAGE_MODELS: models } = process.env;

// --- hostile text everywhere ---

const EVIL = '"><img src=x onerror=globalThis.hit=1><script>globalThis.hit=1</script>';
const SHORT = '<img src=x onerror=globalThis.hit=1>';
const FORMULA = '=HYPERLINK("http://127.0.0.2/","x")';
const HOSTILE = {
    '@context': 'dtmi:dtdl:context;2',
    '@id': 'dtmi:com:example:Hostile;1',
    '@type': 'Interface',
    displayName: SHORT,
    description: SHORT,
    contents: [
        { '@type': 'Telemetry', name: 'power', displayName: FORMULA, description: SHORT, schema: 'double' },
        { '@type': 'Telemetry', name: 'note', displayName: SHORT, schema: 'string' },
        { '@type': 'Telemetry', name: 'mode', displayName: 'Mode', schema: { '@type': 'Enum', valueSchema: 'string', enumValues: [{ name: 'a', displayName: SHORT, enumValue: SHORT }] } },
        { '@type': 'Telemetry', name: 'constructor', displayName: 'javascript:globalThis.hit=1', schema: 'double' },
        { '@type': 'Property', name: 'label', displayName: SHORT, schema: 'string', writable: true },
        { '@type': 'Command', name: 'go', displayName: SHORT, description: SHORT, request: { name: 'how', displayName: SHORT, schema: 'string' } },
    ],
};
const TEMPLATE = 'dtmi:com:example:Hostile:template;1';
const MARKDOWN = `# ${SHORT}\n\n[a](javascript:globalThis.hit=1) [b](JaVaScRiPt:globalThis.hit=1) [c](data:text/html,<script>globalThis.hit=1</script>) [d](//127.0.0.2/x) **${SHORT}**\n\n- ![x](http://127.0.0.2/x.png)`;

before(async () => {
    const context = await newContext();
    const put = async (path, body) => {
        const { status, body: answer } = await rest(context, 'PUT', path, body);
        assert.equal(status, 200, `${path}: ${JSON.stringify(answer)}`);
    };
    await put(`/deviceTemplates/${TEMPLATE}`, HOSTILE);
    await put('/devices/hostile', { displayName: EVIL, simulated: true, template: TEMPLATE });
    await put('/deviceGroups/hostile', { displayName: EVIL, description: EVIL, filter: `SELECT * FROM devices WHERE $template = "${TEMPLATE}"` });
    await put('/roles/hostile', { displayName: EVIL, rights: ['device.read'] });
    await put('/organizations/hostile', { displayName: EVIL });
    await put('/enrollmentGroups/hostile', { displayName: EVIL, attestation: { type: 'symmetricKey' } });
    const tile = (type, more, y) => ({ displayName: EVIL, x: 0, y, width: 2, height: 1, configuration: { type, ...more } });
    await put('/queries/hostile', { displayName: EVIL, description: EVIL, query: `SELECT $id, $ts, note, mode FROM ${TEMPLATE}` });
    await put('/dashboards/dtmi:hostile:d;1', {
        displayName: EVIL,
        tiles: [
            tile('markdown', { description: MARKDOWN }, 0),
            tile('label', { text: EVIL }, 1),
            tile('image', { image: 'javascript:globalThis.hit=1' }, 2),
            tile('image', { image: 'http://127.0.0.2/x.png' }, 3),
            tile('image', { image: '//127.0.0.2/x.png' }, 4),
            tile('externalContent', { sourceUrl: 'https://127.0.0.2/' }, 5),
            tile('lkv', { group: 'hostile', devices: ['hostile'], capabilities: [{ capability: 'note' }, { capability: 'mode' }] }, 6),
            tile('heatMapChart', { group: 'hostile', devices: ['hostile'], capabilities: [{ capability: 'power' }], queryRange: { type: 'time', duration: 'PT30M' } }, 7),
            tile('dataExplorer', { query: 'hostile' }, 8),
            tile('dataExplorer', { query: SHORT }, 9),
        ],
    });
    await context.close();
});

/** Telemetry such as no simulated device sends. */
async function hostileEvents(page) {
    const enqueuedTime = new Date().toISOString();
    const body = { note: EVIL, mode: SHORT, [SHORT]: 7, power: EVIL, href: 'javascript:globalThis.hit=1' };
    const event = (source, type, more) => ({ source, type, deviceId: 'hostile', enqueuedTime, ...more });
    const value = [
        event('telemetry', 'telemetry', { position: 9000003, component: SHORT, body }),
        event('telemetry', 'telemetry', { position: 9000002, text: EVIL }),
        event('commands', 'commandAnswered', { position: 9000001, body: { name: SHORT, responseCode: SHORT, response: EVIL } }),
        event('deviceConnectivity', 'disconnected', { position: 9000000, body: { reason: EVIL, code: SHORT } }),
    ];
    await page.route(/\/api\/events\?/, (route) => route.fulfill({ json: { value } }));
}

async function staysText(page, places) {
    for (const place of places) {
        await page.evaluate((hash) => (location.hash = hash), place);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await settled(page);
        const found = await page.evaluate(() => ({
            hit: globalThis.hit,
            made: document.querySelectorAll('main script, main img[src="x"], main [onerror], main iframe').length,
            links: [...document.querySelectorAll('a[href]')].map((link) => link.href).filter((href) => !/^https?:/.test(href)),
        }));
        assert.deepEqual({ place, ...found }, { place, hit: undefined, made: 0, links: [] });
    }
}

describe('hostile text', () => {
    flow('names, values, notes and links that would run stay text in every view', async (page) => {
        await hostileEvents(page);
        const places = [
            '#/devices',
            '#/devices/hostile',
            ...['about', 'properties', 'commands', 'raw', 'history', 'files', 'connect'].map((tab) => `#/devices/hostile/${tab}`),
            '#/groups/hostile',
            '#/templates',
            ...['views', 'tree', 'versions', 'json'].map((tab) => `#/templates/${TEMPLATE}/${tab}`),
            '#/dashboards',
            '#/dashboards/dtmi:hostile:d;1',
            '#/dashboards/dtmi:hostile:d;1/edit',
            '#/analytics',
            '#/analytics/hostile',
            '#/jobs',
            '#/connect/hostile',
            '#/access/roles',
            '#/access/enrolment',
            '#/access/enrolment/hostile',
            '#/organizations',
            `#/devices/${encodeURIComponent(EVIL)}`,
        ];
        await staysText(page, places);
        await go(page, '#/dashboards/dtmi:hostile:d;1', EVIL);
        await page.getByText('[a](javascript:globalThis.hit=1)').waitFor();
        await page.getByText('pictures from other places are not fetched').first().waitFor();
    });
    flow('the views of a template are text as well', async (page, context) => {
        const path = `/deviceTemplates/${TEMPLATE}/views`;
        const tile = (type, more, y) => ({ displayName: EVIL, x: 0, y, width: 2, height: 1, configuration: { type, ...more } });
        const named = (...names) => ({ capabilities: names.map((capability) => ({ capability })) });
        const text = tile('markdown', { description: MARKDOWN }, 9);
        const views = {
            board: { displayName: EVIL, tiles: [tile('lkv', named('note', 'mode'), 0), tile('command', { command: 'go' }, 1), tile('image', { image: 'http://127.0.0.2/x.png' }, 2), text] },
            form: { displayName: EVIL, kind: 'form', tiles: [tile('property', named('label'), 0), text] },
        };
        for (const [name, view] of Object.entries(views)) assert.equal((await rest(context, 'PUT', `${path}/${name}`, view)).status, 200);
        await staysText(page, [`#/templates/${TEMPLATE}`, ...Object.keys(views).flatMap((name) => [`#/devices/hostile/views/${name}`, `#/templates/${TEMPLATE}/views/${name}`]), `#/devices/hostile/views/${encodeURIComponent(EVIL)}`]);
        await page.getByRole('region', { name: EVIL }).first().waitFor();
        for (const name of Object.keys(views)) await rest(context, 'DELETE', `${path}/${name}`);
    });
    flow('a link that signs in leads nowhere but into the page', async (page) => {
        for (const to of ['//127.0.0.2/', '/javascript:globalThis.hit=1', `/${SHORT}`]) {
            await page.goto(`${base}/?x=1#token=${encodeURIComponent('none')}&to=${to}`);
            assert.equal(new URL(page.url()).origin, base);
            assert.equal(await page.evaluate(() => globalThis.hit), undefined);
        }
    }, { signedOut: true });
    flow('what a spreadsheet would compute is exported as text', async (page) => {
        await until(async () => (await page.evaluate(() => document.querySelector('h1') !== null)));
        await go(page, '#/analytics', 'Analytics');
        await page.getByLabel('Template').selectOption(TEMPLATE);
        await page.getByLabel(FORMULA).check();
        await page.getByLabel('Aggregate').selectOption('COUNT');
        await page.getByLabel('Devices').selectOption('hostile');
        await until(async () => {
            await page.getByRole('button', { name: 'Show' }).click();
            await page.locator('.answer-side').getByText(/row|Nothing was sent/).first().waitFor();
            return (await page.getByRole('button', { name: 'Export CSV' }).count()) === 1;
        });
        const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
        const path = join(mkdtempSync(join(tmpdir(), 'page-')), 'out.csv');
        await file.saveAs(path);
        for (const line of readFileSync(path, 'utf8').trim().split('\r\n')) for (const cell of line.split(',')) assert.doesNotMatch(cell, /^"?[=+@\t-]/);
    });
});

const NAMED = '"><img src=x onerror=window.evil=1><script>evil=1</script>'; // 64 characters at most, of a model's names

/** What devices, templates and colleagues name things, where it is shown; the tab says nothing of a policy that was broken. */
describe('what others wrote is text', () => {
    flow('names, values and notes run nothing', async (page, context) => {
        const good = async (method, path, body) => {
            const answer = await rest(context, method, path, body);
            assert.ok(answer.status < 300, `${path}: ${JSON.stringify(answer.body)}`);
        };
        const capability = (type, name, more) => ({ '@type': type, name, displayName: NAMED, description: NAMED, ...more });
        await good('PUT', '/deviceTemplates/dtmi:evil:template;1', {
            '@context': ['dtmi:iotcentral:context;2', 'dtmi:dtdl:context;2'],
            '@id': 'dtmi:evil:template;1',
            '@type': ['ModelDefinition', 'DeviceModel'],
            displayName: NAMED,
            capabilityModel: {
                '@id': 'dtmi:evil:model;1',
                '@type': 'Interface',
                displayName: NAMED,
                contents: [
                    capability('Property', 'note', { schema: 'string', writable: true }),
                    capability('Telemetry', 'said', { schema: 'string' }),
                    capability('Command', 'run', {}),
                ],
            },
        });
        await good('PUT', '/devices/evil', { displayName: NAMED, template: 'dtmi:evil:template;1' });
        await good('PATCH', '/devices/evil/properties', { note: NAMED });
        await good('PUT', '/organizations/evil', { displayName: NAMED });
        await good('PUT', '/roles/evil', { displayName: NAMED, rights: ['device.read'] });
        await good('PUT', '/deviceGroups/evil', { displayName: NAMED, description: NAMED, filter: 'SELECT * FROM dtmi:evil:template;1' });
        await good('PUT', '/jobs/evil', {
            displayName: NAMED,
            description: NAMED,
            group: 'evil',
            data: [{ type: 'property', target: 'dtmi:evil:template;1', path: 'note', value: NAMED }],
        });
        const links = '[a](javascript:window.evil=1) [b](data:text/html,x) [c](https://example.com/) [d](JAVASCRIPT:window.evil=1)';
        await good('PUT', '/dashboards/dtmi:evil:board;1', {
            displayName: NAMED,
            tiles: [{ displayName: NAMED, x: 0, y: 0, width: 2, height: 2, configuration: { type: 'markdown', description: `# ${NAMED}\n\n${NAMED} ${links}` } }],
        });
        const places = ['devices', 'devices/evil', 'devices/evil/properties', 'devices/evil/commands', 'devices/evil/raw', 'devices/evil/connect', 'templates',
            'templates/dtmi%3Aevil%3Atemplate%3B1', 'groups/evil', 'jobs', 'jobs/evil', 'dashboards', 'dashboards/dtmi%3Aevil%3Aboard%3B1', 'access', 'access/roles', 'organizations',
            `devices/${encodeURIComponent(NAMED)}`, encodeURIComponent(NAMED)];
        let shown = 0;
        for (const place of places) {
            await page.evaluate((hash) => (location.hash = hash), `#/${place}`);
            await page.waitForTimeout(200);
            await settled(page);
            shown += (await page.getByText('onerror=', { exact: false }).count()) > 0;
            const found = await page.evaluate(() => ({
                ran: globalThis.evil,
                made: document.querySelectorAll('img[src="x"], body script:not([src])').length,
                links: [...document.querySelectorAll('a')].map((link) => link.href).filter((href) => !/^https?:/.test(href)),
            }));
            assert.deepEqual(found, { ran: undefined, made: 0, links: [] }, place);
        }
        assert.ok(shown >= 10, `${shown} places show it`);
        for (const path of ['/devices/evil', '/deviceTemplates/dtmi:evil:template;1', '/dashboards/dtmi:evil:board;1', '/deviceGroups/evil', '/roles/evil', '/organizations/evil'])
            await good('DELETE', path);
    });
});

describe('what is loaded', () => {
    flow('the list of devices comes with less than 150 KB', async (page) => {
        const sizes = [];
        page.on('response', (answer) => {
            if (!answer.url().includes('/api/')) sizes.push(answer.body().then((body) => body.length));
        });
        await enter(page);
        await page.getByRole('link', { name: 'hostmon-1' }).waitFor();
        const sum = (await Promise.all(sizes)).reduce((all, one) => all + one, 0);
        assert.ok(sum > 50000 && sum < 150000, `${sum} bytes`);
    }, { signedOut: true });
});

// --- under the limits of an application ---

let limited;
let service;

async function startLimited() {
    service = spawn(join(build, 'spoke-central'), ['--ephemeral', '--print-env', '--templates', models, '--profile', 'central-limits,requests=8'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    for await (const piece of service.stdout.setEncoding('utf8')) {
        text += piece;
        if (/^SPOKE_API_TOKEN=.*\n/m.test(text)) break;
    }
    const value = (name) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];
    return { base: value('SPOKE_API_BASE'), token: value('SPOKE_API_TOKEN') };
}

describe('an application with limits', () => {
    before(async () => {
        limited = await startLimited();
    });
    after(() => service?.kill());
    flow(
        'is slower, and shows everything all the same',
        async (page, context, own) => {
            let refused = 0;
            page.on('response', (answer) => (refused += answer.status() === 429 ? 1 : 0));
            const put = async (path, body) => {
                await until(async () => (await rest(context, 'PUT', path, body, own)).status === 200);
            };
            const group = { displayName: 'All', filter: 'SELECT * FROM devices WHERE $template = "dtmi:spoke:templates:HostMonitor;1"' };
            await put('/deviceGroups/all', group);
            for (const name of ['a', 'b']) await put(`/devices/sim-${name}`, { displayName: `Sim ${name}`, simulated: true, template: 'dtmi:spoke:templates:HostMonitor;1' });
            await go(page, '#/devices', 'Devices');
            await row(page, 'sim-a').getByText('Connected').waitFor();
            await go(page, '#/devices/sim-a', 'Sim a');
            await page.getByRole('img', { name: /Line chart, CPU load/ }).waitFor();
            const data = (type) => ({ type, group: 'all', devices: ['sim-a', 'sim-b'], capabilities: ['cpuLoad', 'uptime'].map((capability) => ({ capability })), ...(type === 'lkv' ? {} : { queryRange: { type: 'time', duration: 'PT30M', resolution: 'PT1M' } }) });
            const tiles = Array.from({ length: 8 }, (_, i) => ({ displayName: `Tile ${i}`, x: 0, y: i, width: 3, height: 2, configuration: data(i % 2 === 0 ? 'lineChart' : 'lkv') }));
            await put('/dashboards/dtmi:limits:d;1', { displayName: 'Many', tiles });
            await go(page, '#/dashboards/dtmi:limits:d;1', 'Many');
            await until(async () => (await page.getByRole('img', { name: /Line chart.*\d values/ }).count()) === 4, 60000);
            await until(async () => (await page.locator('.tile .facts').count()) === 4, 60000);
            await page.screenshot({ path: join(screenshots, 'limits.png'), fullPage: true });
            assert.equal(await page.locator('.problem').count(), 0);
            assert.ok(refused > 0, 'the limit was never met');
            await go(page, '#/analytics', 'Analytics');
            await page.getByLabel('Template').selectOption({ label: 'Host monitor' });
            await page.getByLabel('A line for each device').check();
            for (const name of ['CPU load', 'Memory used']) await page.getByLabel(name).check();
            await page.getByRole('button', { name: 'Show' }).click();
            await page.getByRole('img', { name: /Line chart/ }).first().waitFor();
            assert.equal(await page.locator('.problem').count(), 0);
        },
        { service: () => limited },
    );
    flow(
        'is asked little by a page that is only looked at',
        async (page, context, own) => {
            await page.goto(`${own.base}/#/devices/sim-a`);
            await page.getByRole('img', { name: /Line chart, CPU load/ }).waitFor();
            let asked = 0;
            page.on('request', (request) => (asked += request.url().includes('/api/') ? 1 : 0));
            await page.waitForTimeout(15000);
            assert.ok(asked <= 6, `${asked} requests in 15 s`);
        },
        { service: () => limited },
    );
});
