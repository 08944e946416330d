// Every view in light, dark and on a phone: accessible, no wider than the screen, and as a picture for people to look at.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe } from 'node:test';
import { authority } from './certificates.mjs';
import { base, broken, flow, go, hosts, newContext, rest, screenshots, settled } from './flow.mjs';

const TEMPLATE = 'dtmi:spoke:templates:HostMonitor;1';
const timed = { queryRange: { type: 'time', duration: 'PT30M', resolution: 'PT1M' } };
const data = (type, devices, names, more = {}) => ({ type, group: 'hosts', devices, capabilities: names.map((capability) => ({ capability, ...(/Chart|kpi/.test(type) && !/History/.test(type) ? { aggregateFunction: 'avg' } : {}) })), ...more });
const PICTURE = 'data:image/svg+xml;base64,' + Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><circle cx="20" cy="20" r="18" fill="#0b7a75"/></svg>').toString('base64');
const TILES = [
    ['Load and memory', 3, 2, data('lineChart', ['hostmon-1'], ['cpuLoad', 'memoryUsed'], timed)],
    ['Received', 3, 2, data('barChart', ['hostmon-1'], ['networkReceived', 'networkSent'], timed)],
    ['Uptime', 1, 1, data('lkv', ['hostmon-1'], ['uptime'])],
    ['CPU load', 1, 1, data('lkv', ['made-up'], ['cpuLoad'])],
    ['Average load', 1, 1, data('kpi', ['hostmon-1'], ['cpuLoad'], timed)],
    ['Hosts', 1, 1, { type: 'deviceCount', group: 'hosts' }],
    ['Hall 3', 2, 1, { type: 'label', text: 'Everything in hall 3' }],
    ['Memory by machine', 2, 2, data('pieChart', ['hostmon-1', 'made-up'], ['memoryUsed'], timed)],
    ['Load by machine', 3, 2, data('heatMapChart', ['hostmon-1', 'made-up'], ['cpuLoad'], { queryRange: { type: 'time', duration: 'PT1H', resolution: 'PT1M' } })],
    ['Load of the query', 3, 2, { type: 'dataExplorer', query: 'look-load' }],
    ['Devices of the query', 2, 2, { type: 'dataExplorer', query: 'look-names' }],
    ['Load as it changed', 2, 2, data('stateHistoryChart', ['hostmon-1'], ['cpuLoad'], timed)],
    ['Machine', 2, 2, data('property', ['hostmon-1'], ['hostName', 'kernel', 'processors'])],
    ['Snapshot', 2, 2, { type: 'command', group: 'hosts', command: 'snapshot', device: 'hostmon-1' }],
    ['Plan', 1, 1, { type: 'image', image: PICTURE }],
    ['Notes', 3, 1, { type: 'markdown', description: '# Notes\n\n**All** is well. See [the devices](#/devices).\n\n- one\n- two' }],
].map(([displayName, width, height, configuration], i) => ({ displayName, x: 0, y: i, width, height, configuration }));

// A template with views of its own, and a simulated device that shows them.
const PUMP = {
    '@id': 'dtmi:look:pumpTemplate;1', '@type': ['ModelDefinition', 'DeviceModel'], '@context': ['dtmi:iotcentral:context;2', 'dtmi:dtdl:context;2'], displayName: 'Pump',
    capabilityModel: {
        '@id': 'dtmi:look:pump;1', '@type': 'Interface',
        contents: [
            { '@type': 'Telemetry', name: 'flow', displayName: 'Flow', schema: 'double' },
            { '@type': 'Telemetry', name: 'pressure', displayName: 'Pressure', schema: 'double' },
            { '@type': 'Property', name: 'setpoint', displayName: 'Setpoint', schema: 'double', writable: true, minValue: 0, maxValue: 80 },
            { '@type': 'Property', name: 'firmware', displayName: 'Firmware', schema: 'string' },
            { '@type': ['Property', 'Cloud'], name: 'city', displayName: 'City', schema: 'string' },
            { '@type': 'Command', name: 'flush', displayName: 'Flush', description: 'Empties the pump.' },
        ],
    },
};
const { queryRange } = timed;
const of = (type, names, more = {}) => ({ type, capabilities: names.map((capability) => ({ capability })), ...more });
const OWN = [
    ['overview', 'Overview', 'dashboard', [
        ['Flow', 1, 1, of('lkv', ['flow'])], ['Pressure', 1, 1, of('lkv', ['pressure'])], ['Highest flow', 1, 1, { type: 'kpi', capabilities: [{ capability: 'flow', aggregateFunction: 'max' }], queryRange }], ['Runs since Monday', 3, 1, { type: 'markdown', description: 'Runs **well** since Monday.' }],
        ['Flow and pressure', 3, 2, of('lineChart', ['flow', 'pressure'], { queryRange })], ['Flush', 2, 2, { type: 'command', command: 'flush' }], ['Setpoint', 1, 1, of('property', ['setpoint'])],
    ]],
    ['place', 'Place and settings', 'form', [
        ['Where it stands', 3, 1, of('property', ['city'])], ['How it runs', 3, 1, of('property', ['setpoint', 'firmware'])], ['Before you change it', 6, 1, { type: 'markdown', description: 'Ask the shift before the setpoint is changed.' }],
    ]],
].map(([id, displayName, kind, tiles]) => [id, { displayName, kind, tiles: tiles.map(([name, width, height, configuration], i) => ({ displayName: name, x: 0, y: i, width, height, configuration })) }]);

/** What the pictures show beside what the other tests left. */
before(async () => {
    const context = await newContext();
    const put = async (path, body) => assert.equal((await rest(context, 'PUT', path, body)).status, 200, path);
    await put(hosts.path, hosts.body);
    await put('/devices/made-up', { displayName: 'Made up', simulated: true, template: TEMPLATE });
    await put('/devices/waits', { enabled: false });
    await put('/devices/made-up/relationships/look', { source: 'hostmon-1', target: 'made-up' });
    await put('/enrollmentGroups/look-keys', { displayName: 'Keys', attestation: { type: 'symmetricKey' } });
    await put('/enrollmentGroups/look-authority', { displayName: 'Authority', attestation: { type: 'x509' } });
    await put('/enrollmentGroups/look-authority/certificates/primary', { certificate: authority().certificate });
    await put('/queries/look-load', { displayName: 'Load of the last hour', query: `SELECT $id, AVG(cpuLoad) FROM ${TEMPLATE} WHERE WITHIN_WINDOW(PT1H) GROUP BY WINDOW(PT1M), $id` });
    await put('/queries/look-names', { displayName: 'Where they run', query: `SELECT $id, hostName, kernel FROM ${TEMPLATE}` });
    await put('/dashboards/dtmi:look:all;1', { displayName: 'Every tile', tiles: TILES });
    await put(`/deviceTemplates/${PUMP['@id']}`, PUMP);
    for (const [name, view] of OWN) await put(`/deviceTemplates/${PUMP['@id']}/views/${name}`, view);
    await put('/devices/pump-1', { displayName: 'Pump 1', simulated: true, template: PUMP['@id'] });
    await context.close();
});

async function fillAnalytics(page) {
    await page.getByLabel('Template').selectOption({ label: 'Host monitor' });
    await page.getByLabel('CPU load').check();
    await page.getByLabel('Memory used').check();
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('img', { name: /Line chart/ }).first().waitFor();
}

describe('the look', () => {
    const VIEWS = [
        ['devices', '#/devices', 'Devices'],
        ['device', '#/devices/hostmon-1', 'hostmon-1'],
        ['device-about', '#/devices/hostmon-1/about', 'hostmon-1'],
        ['device-files', '#/devices/hostmon-1/files', 'hostmon-1'],
        ['device-simulated', '#/devices/made-up', 'Made up'],
        ['device-waiting', '#/devices/waits', 'waits'],
        ['device-properties', '#/devices/hostmon-1/properties', 'hostmon-1'],
        ['device-commands', '#/devices/hostmon-1/commands', 'hostmon-1'],
        ['device-raw', '#/devices/hostmon-1/raw', 'hostmon-1'],
        ['device-history', '#/devices/hostmon-1/history', 'hostmon-1'],
        ['device-connection', '#/devices/hostmon-1/connect', 'hostmon-1'],
        ['groups', '#/groups', 'Device groups'],
        ['templates', '#/templates', 'Templates'],
        ['template', '#/templates/dtmi:spoke:templates:HostMonitor;1/tree', 'Host monitor'],
        ['template-views', '#/templates/dtmi:spoke:templates:HostMonitor;1', 'Host monitor'],
        ['template-views-own', '#/templates/dtmi:look:pumpTemplate;1', 'Pump'],
        ['view-edit', '#/templates/dtmi:look:pumpTemplate;1/views/overview', 'Overview'],
        ['view-form-edit', '#/templates/dtmi:look:pumpTemplate;1/views/place', 'Place and settings'],
        ['device-view', '#/devices/pump-1', 'Pump 1'],
        ['device-view-form', '#/devices/pump-1/views/place', 'Pump 1'],
        ['dashboards', '#/dashboards', 'Dashboards'],
        ['analytics', '#/analytics', 'Analytics'],
        ['analytics-filled', '#/analytics', 'Analytics', fillAnalytics],
        ['query', '#/analytics/look-load', 'Load of the last hour'],
        ['jobs', '#/jobs', 'Jobs'],
        ['jobs-scheduled', '#/jobs/scheduled', 'Jobs'],
        ['connect', '#/connect/hostmon-1', 'Connect a device'],
        ['tokens', '#/access', 'Access'],
        ['users', '#/access/users', 'Access'],
        ['roles', '#/access/roles', 'Access'],
        ['enrolment', '#/access/enrolment', 'Access'],
        ['enrolment-keys', '#/access/enrolment/look-keys', 'Keys'],
        ['enrolment-authority', '#/access/enrolment/look-authority', 'Authority'],
        ['audit', '#/access/audit', 'Access'],
        ['organizations', '#/organizations', 'Organizations'],
        ['settings', '#/settings', 'Settings'],
        ['dashboard', '#/dashboards/dtmi:look:all;1', 'Every tile'],
        ['dashboard-edit', '#/dashboards/dtmi:look:all;1/edit', 'Every tile'],
    ];
    const LOOKS = [
        ['light', {}],
        ['dark', { dark: true }],
        ['phone', { phone: true }],
        ['phone-dark', { phone: true, dark: true }],
    ];
    for (const [look, options] of LOOKS)
        flow(
            `every view is accessible and fits, ${look}`,
            async (page) => {
                const found = [];
                for (const [name, place, heading, fill] of VIEWS) {
                    await go(page, place, heading);
                    await settled(page);
                    await fill?.(page);
                    await page.screenshot({ path: join(screenshots, `${name}-${look}.png`), fullPage: true });
                    found.push(...(await broken(page)).map((text) => `${name}: ${text}`));
                    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                    if (wide > 0) found.push(`${name} is ${wide} px wider than the screen`);
                }
                assert.deepEqual(found, []);
            },
            options,
        );
    flow(
        'the page of signing in is accessible, and dark where the system is',
        async (page) => {
            await page.goto(base);
            await page.getByLabel('API token').waitFor();
            await page.screenshot({ path: join(screenshots, 'sign-in-dark.png') });
            assert.deepEqual(await broken(page), []);
            assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
        },
        { signedOut: true, dark: true },
    );
    flow('colours are chosen, and stay chosen', async (page) => {
        await page.getByRole('button', { name: 'Use dark colours' }).click();
        await page.reload();
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    });
    flow('the keyboard alone gets to the content, through a dialog and out of it', async (page) => {
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to content');
        await page.keyboard.press('Enter');
        assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
        await page.getByRole('button', { name: 'New device' }).focus();
        await page.keyboard.press('Enter');
        await page.getByRole('dialog').waitFor();
        assert.equal(await page.evaluate(() => document.activeElement?.closest('dialog') !== null), true);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /New device/);
    });
    flow('nothing jumps while a device is looked at', async (page) => {
        await go(page, '#/devices/hostmon-1', 'hostmon-1');
        await page.locator('.chart-card canvas').first().waitFor();
        const shift = await page.evaluate(
            () =>
                new Promise((done) => {
                    let sum = 0;
                    new PerformanceObserver((list) => {
                        for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
                    }).observe({ type: 'layout-shift' });
                    setTimeout(() => done(sum), 5000);
                }),
        );
        assert.ok(shift < 0.02, `layout shift ${shift}`);
    });
    flow(
        'the menu of a phone opens and leads on',
        async (page) => {
            await page.getByRole('button', { name: 'Menu' }).click();
            await page.screenshot({ path: join(screenshots, 'menu-phone.png') });
            await page.getByRole('link', { name: 'Templates' }).click();
            await page.getByRole('heading', { level: 1, name: 'Templates' }).waitFor();
            assert.equal(await page.getByRole('navigation', { name: 'Main' }).isVisible(), false);
        },
        { phone: true },
    );
});
