// What people do with the page. Each test has a tab of its own, signed in as they say.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe } from 'node:test';
import { base, broken, flow, go, hosts, newContext, rest, row, screenshots, settled, token, until } from './flow.mjs';

before(async () => {
    const context = await newContext();
    assert.equal((await rest(context, 'PUT', hosts.path, hosts.body)).status, 200);
    await context.close();
});

describe('signing in', () => {
    flow(
        'a wrong token is refused with the sentence of the service',
        async (page) => {
            await page.goto(base);
            await page.getByLabel('API token').fill('SharedAccessSignature sr=a&sig=b&skn=c&se=1');
            await page.getByRole('button', { name: 'Sign in' }).click();
            const problem = await page.getByRole('alert').innerText();
            assert.match(problem, /token/i);
            assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        },
        { signedOut: true },
    );
    flow(
        'a token typed in opens the list of devices, and signing out forgets it',
        async (page) => {
            await page.goto(base);
            await page.getByLabel('API token').fill(token);
            await page.getByRole('button', { name: 'Sign in' }).click();
            await page.getByRole('link', { name: 'hostmon-1' }).waitFor();
            await page.getByRole('button', { name: 'Sign out' }).click();
            await page.getByRole('heading', { name: 'Sign in to Spoke Central' }).waitFor();
            assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        },
        { signedOut: true },
    );
    flow(
        'a link that signs in may lead on to a device',
        async (page) => {
            await page.goto(`${base}/#token=${encodeURIComponent(token)}&to=/devices/hostmon-1`);
            await page.getByRole('heading', { level: 1, name: 'hostmon-1' }).waitFor();
            assert.doesNotMatch(page.url(), /token/);
        },
        { signedOut: true },
    );
    flow('a link that signs in leaves no token in the address or the history', async (page) => {
        assert.doesNotMatch(page.url(), /token/);
        assert.equal(await page.evaluate(() => history.length), 2); // the blank tab and this
    });
});

/** Another token, and the link that signs in with it. */
async function otherLink(context, name, to) {
    const { body } = await rest(context, 'PUT', `/apiTokens/${name}`, { roles: [{ role: 'ae2c9854-393b-4f97-8c42-479d70ce626e' }] });
    return `#token=${encodeURIComponent(body.token)}&to=${to}`;
}

const whoIsIn = async (page) => page.locator('.who-name b').innerText();

describe('a link that would sign in as somebody else', () => {
    flow('asks first, and Enter stays', async (page, context) => {
        await go(page, '#/templates', 'Templates');
        const link = await otherLink(context, 'guest', '/devices/hostmon-1');
        await page.evaluate((hash) => (location.hash = hash), link);
        const dialog = page.getByRole('dialog');
        await dialog.getByText('guest').waitFor();
        await page.screenshot({ path: join(screenshots, 'sign-in-other.png') });
        assert.match(await dialog.innerText(), /signed in as Start-up token \(Administrator\)[^]*as guest \(Operator\)/);
        assert.deepEqual(await broken(page), []);
        assert.doesNotMatch(page.url(), /token/);
        await page.keyboard.press('Enter');
        await dialog.waitFor({ state: 'detached' });
        assert.equal(await whoIsIn(page), 'Start-up token');
        assert.match(page.url(), /#\/templates$/);
        await page.reload();
        await page.getByRole('heading', { level: 1, name: 'Templates' }).waitFor();
        assert.equal(await whoIsIn(page), 'Start-up token');
    });
    flow('asks in a tab that is loaded anew, and Escape stays', async (page, context) => {
        await page.goto(`${base}/?again${await otherLink(context, 'guest2', '/devices')}`);
        await page.getByRole('dialog').getByText('guest2').waitFor();
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.equal(await whoIsIn(page), 'Start-up token');
    });
    flow('signs in where it is said to', async (page, context) => {
        await page.evaluate((hash) => (location.hash = hash), await otherLink(context, 'guest3', '/devices/hostmon-1'));
        await page.getByRole('button', { name: 'Sign in with the link' }).click();
        await page.getByRole('heading', { level: 1, name: 'hostmon-1' }).waitFor();
        assert.equal(await whoIsIn(page), 'guest3');
    });
    flow('says so when its token is not accepted', async (page) => {
        await page.evaluate(() => (location.hash = '#token=SharedAccessSignature%20sr%3Dx'));
        await page.getByRole('dialog').getByRole('alert').waitFor();
        assert.equal(await page.getByRole('button', { name: 'Sign in with the link' }).isDisabled(), true);
        await page.getByRole('button', { name: 'Stay signed in' }).click();
        assert.equal(await whoIsIn(page), 'Start-up token');
    });
    flow('does not ask for a session that is over', async (page, context) => {
        const old = await otherLink(context, 'short', '/devices');
        await page.evaluate((given) => sessionStorage.setItem('spoke-token', decodeURIComponent(given)), /token=([^&]*)/.exec(old)[1]);
        await page.reload();
        await page.getByRole('heading', { level: 1, name: 'Devices' }).waitFor();
        await rest(context, 'DELETE', '/apiTokens/short');
        await page.evaluate((hash) => (location.hash = hash), `#token=${encodeURIComponent(token)}&to=/templates`);
        await page.getByRole('heading', { level: 1, name: 'Templates' }).waitFor();
        assert.equal(await whoIsIn(page), 'Start-up token');
    });
});

describe('devices', () => {
    flow('telemetry of this machine arrives live', async (page) => {
        const streamed = page.waitForResponse((answer) => answer.url().includes('/api/events/stream'));
        await go(page, '#/devices/hostmon-1', 'hostmon-1');
        assert.equal((await streamed).status(), 200);
        const chart = page.getByRole('img', { name: /Line chart, CPU load/ });
        await chart.waitFor();
        const count = async () => Number(/(\d+) values/.exec(await chart.getAttribute('aria-label'))?.[1] ?? 0);
        const first = await count();
        await until(async () => (await count()) >= first + 2);
        await page.getByText('Live', { exact: true }).waitFor();
        assert.equal(await page.locator('.chart-card canvas').count() > 3, true);
    });
    flow('telemetry goes on without a stream when that has to make room', async (page) => {
        await page.route(/\/api\/events\/stream/, (route) =>
            route.fulfill({ contentType: 'text/event-stream', body: 'retry: 60000\nevent: closed\ndata: {"code":"TooManyStreams","message":"It made room."}\n\n' }),
        );
        await go(page, '#/devices/hostmon-1', 'hostmon-1');
        await page.getByText('Updated every 3 s', { exact: true }).waitFor();
        const chart = page.getByRole('img', { name: /Line chart, CPU load/ });
        const count = async () => Number(/(\d+) values/.exec(await chart.getAttribute('aria-label'))?.[1] ?? 0);
        const first = await count();
        await until(async () => (await count()) >= first + 3);
    });
    flow('a writable property is changed, and the device accepts it', async (page, context) => {
        await go(page, '#/devices/hostmon-1/properties', 'hostmon-1');
        await page.getByLabel('Interval of readings', { exact: true }).fill('1');
        await page.getByRole('button', { name: 'Save Interval of readings' }).click();
        await page.getByText('Accepted (200)').waitFor();
        const { body } = await rest(context, 'GET', '/devices/hostmon-1/properties');
        assert.equal(body.interval, 1);
    });
    flow('a value that the template does not allow is refused beside its field', async (page) => {
        await go(page, '#/devices/hostmon-1/properties', 'hostmon-1');
        await page.getByLabel('Interval of readings', { exact: true }).fill('0');
        await page.getByRole('button', { name: 'Save Interval of readings' }).click();
        assert.match(await page.getByRole('alert').innerText(), /interval/);
    });
    flow('a command is called, and its answer shown', async (page) => {
        await go(page, '#/devices/hostmon-1/commands', 'hostmon-1');
        await page.getByRole('button', { name: 'Run Snapshot' }).click();
        await page.getByText('Answered 200').first().waitFor();
        assert.match(await page.getByRole('region', { name: 'Answer' }).first().innerText(), /"cpuLoad"/);
    });
    flow('a command takes its request from a form made of the template', async (page) => {
        await go(page, '#/devices/hostmon-1/commands', 'hostmon-1');
        await page.getByLabel('At most so many').fill('2');
        await page.getByRole('button', { name: 'Run Get the log' }).click();
        await page.getByText('{"lines":2}').first().waitFor();
    });
    flow('raw messages and what happened are listed', async (page) => {
        await go(page, '#/devices/hostmon-1/raw', 'hostmon-1');
        await page.locator('.events li', { hasText: 'cpuLoad' }).first().waitFor();
        await go(page, '#/devices/hostmon-1/history', 'hostmon-1');
        await page.locator('.events li', { hasText: 'Provisioned' }).first().waitFor();
    });
    flow('a device that waits is approved', async (page, context) => {
        await row(page, 'stranger').getByText('Waiting for approval').waitFor();
        await page.getByRole('button', { name: 'Approve stranger' }).click();
        await row(page, 'stranger').getByRole('button', { name: 'Block stranger' }).waitFor();
        await row(page, 'stranger').getByText('Connected').waitFor({ timeout: 90000 }); // it tries again by itself
        const { body } = await rest(context, 'GET', '/devices/stranger');
        assert.equal(body.enabled, true);
        assert.equal(body.provisioned, true);
    });
    flow('a device is made, found, blocked and deleted', async (page, context) => {
        await page.getByRole('button', { name: 'New device' }).click();
        await page.getByLabel('Device id').fill('made-here');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByRole('heading', { level: 1, name: 'made-here' }).waitFor();
        await page.getByRole('button', { name: 'Show primary key' }).click();
        const key = await page.locator('.secret code').filter({ hasText: /^[A-Za-z0-9+/]{43}=$/ }).first().innerText();
        assert.equal(Buffer.from(key, 'base64').length, 32);
        await go(page, '#/devices', 'Devices');
        await page.getByRole('searchbox').fill('made');
        await page.getByText('1 of ').waitFor();
        await page.getByRole('button', { name: 'Block made-here' }).click();
        await page.getByRole('button', { name: /(Approve|Unblock) made-here/ }).waitFor();
        await page.getByRole('button', { name: 'Delete made-here' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await until(async () => (await rest(context, 'GET', '/devices/made-here')).status === 404);
    });
    flow('a name that the API does not know is shown with its sentence', async (page) => {
        await page.evaluate(() => (location.hash = '#/devices/nobody'));
        await page.getByText('Device nobody does not exist.').waitFor();
    });
});

const LAMP = {
    '@context': 'dtmi:dtdl:context;2',
    '@id': 'dtmi:com:example:PageLamp;1',
    '@type': 'Interface',
    displayName: 'Lamp of the page',
    contents: [
        { '@type': 'Telemetry', name: 'power', displayName: 'Power', schema: 'double' },
        { '@type': 'Property', name: 'bright', displayName: 'Brightness', schema: 'integer', writable: true },
    ],
};

describe('templates', () => {
    flow('a template with mistakes is refused with their lines', async (page) => {
        await go(page, '#/templates', 'Templates');
        await page.getByRole('button', { name: 'Upload template' }).click();
        await page.getByLabel('DTDL').fill(JSON.stringify({ ...LAMP, contents: [{ '@type': 'Telemetry', name: 'x y', schema: 'real' }] }, null, 2));
        await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click();
        await page.getByRole('button', { name: /^Line \d+$/ }).first().click();
        assert.notEqual(await page.evaluate(() => getSelection()?.toString()), '');
    });
    flow('a template is uploaded, and shown as a tree', async (page) => {
        await go(page, '#/templates', 'Templates');
        await page.getByRole('button', { name: 'Upload template' }).click();
        await page.getByLabel('DTDL').fill(JSON.stringify(LAMP, null, 2));
        await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click();
        await page.getByRole('heading', { level: 1, name: 'Lamp of the page' }).waitFor();
        await page.getByText('Brightness').waitFor();
        await page.getByRole('link', { name: 'Contents' }).click();
        assert.match(await page.locator('.tree').innerText(), /writable/);
    });
    flow('the next version stands beside the first', async (page) => {
        await go(page, '#/templates/dtmi:com:example:PageLamp:template;1', 'Lamp of the page');
        await page.getByRole('button', { name: 'New version' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click();
        await page.waitForURL(/template;2|template%3B2/);
        await page.getByRole('link', { name: 'Versions and devices' }).click();
        await page.getByRole('link', { name: 'dtmi:com:example:PageLamp:template;1' }).waitFor();
    });
});

describe('groups, dashboards, analytics, jobs', () => {
    flow('a device group lists the devices that fit it', async (page) => {
        await go(page, '#/groups', 'Device groups');
        await page.getByRole('button', { name: 'New group' }).first().click();
        await page.getByLabel('Name').fill('My hosts');
        await page.getByLabel('Start from a template').selectOption({ label: 'Host monitor' });
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('link', { name: 'My hosts' }).click();
        await page.getByRole('link', { name: 'hostmon-1' }).waitFor();
    });
    flow('a filter with a mistake is refused with a sentence', async (page) => {
        await go(page, '#/groups', 'Device groups');
        await page.getByRole('button', { name: 'New group' }).first().click();
        await page.getByLabel('Name').fill('Broken');
        await page.getByLabel('Filter', { exact: true }).fill('SELECT * FROM devices WHERE');
        await page.getByRole('button', { name: 'Save' }).click();
        assert.notEqual(await page.getByRole('alert').innerText(), '');
    });
    flow('a dashboard is made of tiles of each kind, and its command runs', async (page) => {
        await go(page, '#/dashboards', 'Dashboards');
        await page.getByRole('button', { name: 'New dashboard' }).first().click();
        await page.getByLabel('Name').fill('My machine');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByRole('heading', { level: 1, name: 'My machine' }).waitFor();
        await addTile(page, 'lineChart', async (form) => {
            await form.getByLabel('Device').selectOption('hostmon-1');
            await form.getByLabel('CPU load').check();
            await form.getByLabel('Memory used').check();
        });
        await addTile(page, 'lkv', async (form) => {
            await form.getByLabel('Device').selectOption('hostmon-1');
            await form.getByLabel('Uptime').check();
        });
        await addTile(page, 'kpi', async (form) => {
            await form.getByLabel('Device').selectOption('hostmon-1');
            await form.getByLabel('CPU load').check();
            await form.getByLabel('Aggregate').selectOption('max');
            await form.getByLabel('Title').fill('Highest load');
        });
        await addTile(page, 'property', async (form) => {
            await form.getByLabel('Device').selectOption('hostmon-1');
            await form.getByLabel('Kernel release').check();
            await form.getByLabel('Processors').check();
            await form.getByLabel('Title').fill('Machine');
        });
        await addTile(page, 'deviceCount', async (form) => {
            await form.getByLabel('Device group').selectOption({ label: 'Hosts' });
            await form.getByLabel('Title').fill('Hosts');
        });
        await addTile(page, 'command', async (form) => {
            await form.getByLabel('Device').selectOption('hostmon-1');
            await form.getByLabel('Command').selectOption({ label: 'Snapshot' });
        });
        await addTile(page, 'markdown', (form) => form.getByLabel('Text').fill('# Notes\n\n**All** is well. <script>alert(1)</script>'));
        await page.getByRole('link', { name: 'Done' }).click();
        const uptime = page.getByRole('region', { name: 'Uptime' });
        await uptime.locator('.kpi', { hasText: /\d/ }).waitFor();
        await page.getByRole('img', { name: /Line chart/ }).waitFor();
        await page.getByRole('heading', { name: 'Notes' }).waitFor();
        await page.getByRole('region', { name: 'Highest load' }).locator('.kpi', { hasText: '%' }).waitFor();
        await page.getByRole('region', { name: 'Hosts', exact: true }).locator('.kpi', { hasText: /\d/ }).waitFor();
        await page.getByRole('button', { name: 'Run Snapshot' }).click();
        await page.getByText('Answered 200').first().waitFor();
        assert.equal(await page.locator('.markdown script').count(), 0);
        await page.screenshot({ path: join(screenshots, 'dashboard-answered.png'), fullPage: true });
    });
    flow('analytics draws a telemetry over time and exports it', async (page) => {
        await go(page, '#/analytics', 'Analytics');
        await page.getByLabel('Template').selectOption({ label: 'Host monitor' });
        await page.getByLabel('CPU load').check();
        await page.getByLabel('Memory used').check();
        await page.getByRole('button', { name: 'Show' }).click();
        await page.getByRole('img', { name: /Line chart/ }).first().waitFor();
        await page.screenshot({ path: join(screenshots, 'analytics-result.png'), fullPage: true });
        const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
        const path = join(mkdtempSync(join(tmpdir(), 'page-')), 'out.csv');
        await file.saveAs(path);
        const lines = readFileSync(path, 'utf8').trim().split('\r\n');
        assert.equal(lines[0], 'time,avg CPU load,avg Memory used');
        assert.match(lines[1], /^\d{4}-\d\d-\d\dT[\d:.]+Z,[\d.]+,[\d.]+$/);
    });
    flow('a query is saved, shows what it finds, and is a tile of a dashboard', async (page, context) => {
        await go(page, '#/analytics', 'Analytics');
        await page.getByLabel('Template').selectOption({ label: 'Host monitor' });
        await page.getByLabel('CPU load').check();
        await page.getByLabel('Time', { exact: true }).selectOption({ label: 'Last 30 minutes' });
        await page.getByRole('button', { name: 'Show' }).click();
        await page.getByRole('button', { name: 'Save query' }).click();
        await page.getByLabel('Name').fill('Load of all');
        await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
        await page.getByRole('heading', { level: 1, name: 'Load of all' }).waitFor();
        await page.getByText('FROM dtmi:spoke:templates:HostMonitor;1').waitFor();
        await page.getByText(/^\d+ rows?$/).waitFor();
        await page.getByRole('button', { name: 'Edit' }).click();
        await page.getByRole('textbox', { name: 'Query' }).fill('SELECT $id, $ts, cpuLoad FROM dtmi:spoke:templates:HostMonitor;1 WHERE WITHIN_WINDOW(PT30M)');
        await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
        await page.getByRole('img', { name: /Line chart, Load of all/ }).waitFor();
        await page.getByRole('button', { name: 'As a table' }).click();
        await page.getByRole('columnheader', { name: 'Device' }).waitFor();
        await rest(context, 'PUT', '/dashboards/dtmi:saved:d;1', { displayName: 'Saved', tiles: [] });
        await go(page, '#/dashboards/dtmi:saved:d;1/edit', 'Saved');
        await addTile(page, 'dataExplorer', (form) => form.getByLabel('Saved query').selectOption({ label: 'Load of all' }));
        await page.getByRole('region', { name: 'Load of all' }).first().getByRole('img', { name: /Line chart/ }).waitFor();
    });
    flow('a query that is edited stays with its organization', async (page, context) => {
        assert.equal((await rest(context, 'PUT', '/organizations/queries', { displayName: 'Queries' })).status, 200);
        const kept = { description: 'of one', organizations: ['queries'], query: 'SELECT cpuLoad FROM dtmi:spoke:templates:HostMonitor;1' };
        await rest(context, 'PUT', '/queries/owned', { displayName: 'Owned', ...kept });
        await go(page, '#/analytics/owned', 'Owned');
        await page.getByRole('button', { name: 'Edit' }).click();
        await page.getByLabel('Name').fill('Still owned');
        await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
        await page.getByRole('heading', { level: 1, name: 'Still owned' }).waitFor();
        const { etag, ...left } = (await rest(context, 'GET', '/queries/owned')).body;
        assert.deepEqual(left, { id: 'owned', displayName: 'Still owned', ...kept });
        await rest(context, 'DELETE', '/queries/owned');
        await rest(context, 'DELETE', '/organizations/queries');
    });
    flow('a device group that is edited stays with its organization', async (page, context) => {
        assert.equal((await rest(context, 'PUT', '/organizations/groups', { displayName: 'Groups' })).status, 200);
        const kept = { description: 'of one', filter: "SELECT * FROM devices WHERE $template = 'dtmi:spoke:templates:HostMonitor;1'", organizations: ['groups'] };
        assert.equal((await rest(context, 'PUT', '/deviceGroups/owned', { displayName: 'Owned', ...kept })).status, 200);
        await go(page, '#/groups', 'Device groups');
        await page.getByRole('button', { name: 'Edit Owned' }).click();
        await page.getByLabel('Name').fill('Still owned');
        await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
        await row(page, 'Still owned').waitFor();
        assert.deepEqual((await rest(context, 'GET', '/deviceGroups/owned')).body.organizations, ['groups']);
        await rest(context, 'DELETE', '/deviceGroups/owned');
        await rest(context, 'DELETE', '/organizations/groups');
    });
    flow('a query that is none is refused beside its form', async (page, context) => {
        await rest(context, 'PUT', '/queries/wrong', { displayName: 'To be wrong', query: 'SELECT cpuLoad FROM dtmi:spoke:templates:HostMonitor;1' });
        await go(page, '#/analytics/wrong', 'To be wrong');
        await page.getByRole('button', { name: 'Edit' }).click();
        await page.getByRole('textbox', { name: 'Query' }).fill('SELECT');
        await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
        assert.match(await page.getByRole('alert').innerText(), /at character/);
    });
    flow('a heat map has its numbers as a table', async (page, context) => {
        const configuration = { type: 'heatMapChart', group: 'hosts', devices: ['hostmon-1'], capabilities: [{ capability: 'cpuLoad', aggregateFunction: 'avg' }], queryRange: { type: 'time', duration: 'PT30M', resolution: 'PT1M' } };
        await rest(context, 'PUT', '/dashboards/dtmi:heat:d;1', { displayName: 'Heat', tiles: [{ displayName: 'Load', x: 0, y: 0, width: 3, height: 2, configuration }] });
        await go(page, '#/dashboards/dtmi:heat:d;1', 'Heat');
        const tile = page.getByRole('region', { name: 'Load', exact: true });
        await tile.getByRole('img', { name: /Heat map of 1 rows? and 30 times. CPU load from 0 % to 100 %/ }).waitFor();
        await tile.getByRole('button', { name: 'As a table' }).press('Enter');
        await tile.getByRole('cell', { name: /%/ }).first().waitFor();
        assert.equal(await tile.getByRole('row').count(), 31);
    });
    flow('a job sets a property of a group', async (page) => {
        await go(page, '#/jobs', 'Jobs');
        await page.getByRole('button', { name: 'New job' }).click();
        await page.getByLabel('Name').fill('Every two seconds');
        await page.getByLabel('Device group').selectOption({ label: 'Hosts' });
        await page.getByLabel('Template').selectOption({ label: 'Host monitor' });
        await page.getByLabel('Property').selectOption({ label: 'Interval of readings' });
        await page.getByLabel('Value').fill('2');
        await page.getByRole('button', { name: 'Run' }).click();
        await page.getByRole('heading', { level: 1, name: 'Every two seconds' }).waitFor();
        await row(page, 'hostmon-1').getByText(/complete/).waitFor();
    });
});

describe('what runs later', () => {
    flow('a job is scheduled and listed', async (page) => {
        await go(page, '#/jobs', 'Jobs');
        await page.getByRole('button', { name: 'New job' }).click();
        await page.getByLabel('Name').fill('Snapshot every day');
        await page.getByLabel('Device group').selectOption({ label: 'Hosts' });
        await page.getByLabel('What to do').selectOption('command');
        await page.getByLabel('Template').selectOption({ label: 'Host monitor' });
        await page.getByLabel('Command').selectOption({ label: 'Snapshot' });
        await page.getByLabel('When').selectOption('daily');
        await page.getByRole('button', { name: 'Schedule' }).click();
        await row(page, 'Snapshot every day').getByText('daily').waitFor();
    });
});

async function addTile(page, kind, fill) {
    const before = await page.locator('.tile').count();
    await page.getByRole('button', { name: 'Add tile' }).first().click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Kind').selectOption(kind);
    await fill(form);
    await form.getByRole('button', { name: 'Save' }).click();
    await until(async () => (await page.locator('.tile').count()) === before + 1);
}

describe('connecting a device', () => {
    flow('the page gives a new device its settings and the sample as its program', async (page, context) => {
        await go(page, '#/connect', 'Connect a device');
        await page.getByLabel('Or a new one: its id').fill('first-device');
        await page.getByRole('button', { name: 'Create' }).click();
        const program = await page.getByRole('region', { name: 'program' }).innerText();
        assert.equal(program, readFileSync(new URL('../../samples/runner.c', import.meta.url), 'utf8'));
        const { body } = await rest(context, 'GET', '/devices/first-device/credentials');
        assert.ok(!(await page.locator('main').innerText()).includes(body.symmetricKey.primaryKey), 'the key is shown before somebody asks');
        await page.getByRole('button', { name: 'Show key in the settings' }).click();
        const settings = await page.getByRole('region', { name: 'settings' }).innerText();
        assert.ok(settings.includes(`export SPOKE_DEVICE_KEY="${body.symmetricKey.primaryKey}"`));
        assert.ok(settings.includes('-----BEGIN CERTIFICATE-----'));
        assert.equal((await rest(context, 'DELETE', '/devices/first-device')).status, 204);
    });
});

describe('access', () => {
    flow('a token is made, shown once, and signs in', async (page, context) => {
        await go(page, '#/access', 'Access');
        await page.getByRole('button', { name: 'New token' }).first().click();
        await page.getByLabel('Token id').fill('for-a-program');
        await page.getByLabel('Role').selectOption({ label: 'Operator' });
        await page.getByRole('button', { name: 'Create' }).click();
        const made = await page.getByRole('dialog').locator('pre').innerText();
        assert.match(made, /^SharedAccessSignature /);
        await page.getByRole('button', { name: 'Close' }).click();
        const other = await context.newPage();
        await other.goto(base);
        await other.getByLabel('API token').fill(made);
        await other.getByRole('button', { name: 'Sign in' }).click();
        await other.getByRole('link', { name: 'hostmon-1' }).waitFor();
        await other.evaluate(() => (location.hash = '#/access'));
        await other.getByRole('alert').first().waitFor(); // an operator may not see tokens
        await other.evaluate(() => (location.hash = '#/templates'));
        await other.getByRole('heading', { level: 1, name: 'Templates' }).waitFor();
        assert.equal(await other.getByRole('button', { name: 'Upload template' }).count(), 0); // nor change templates
    });
    flow('a service principal that is edited stays one, with its other roles', async (page, context) => {
        const [operator, builder, administrator] = ['ae2c9854-393b-4f97-8c42-479d70ce626e', '344138e9-8de4-4497-8c54-5237e96d6aaf', 'ca310b8d-2f4a-44e0-a36e-957c202cd8d4'];
        const principal = { type: 'servicePrincipal', tenantId: '6fc8e9c1-0d5e-4f5a-9b8e-2b1f6d5e4b11', objectId: 'e1a7c1c2-0d5e-4f5a-9b8e-2b1f6d5e4b11' };
        assert.equal((await rest(context, 'PUT', '/users/principal', { ...principal, roles: [{ role: operator }, { role: builder }] })).status, 200);
        await go(page, '#/access/users', 'Access');
        await page.getByRole('button', { name: 'Edit principal' }).click();
        await page.getByLabel('Role').selectOption({ label: 'Administrator' });
        await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        const { etag, ...left } = (await rest(context, 'GET', '/users/principal')).body;
        assert.deepEqual(left, { id: 'principal', ...principal, roles: [{ role: administrator }, { role: builder }] });
        await rest(context, 'DELETE', '/users/principal');
    });
    flow('a role of one\'s own is made', async (page) => {
        await go(page, '#/access/roles', 'Access');
        await page.getByRole('button', { name: 'New role' }).click();
        await page.getByLabel('Name').fill('Watcher');
        await page.getByLabel('device.read').check();
        await page.getByRole('button', { name: 'Save' }).click();
        await row(page, 'Watcher').getByText('device.read', { exact: true }).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Delete Administrator' }).count(), 0);
    });
    flow('organizations stand below each other', async (page) => {
        await go(page, '#/organizations', 'Organizations');
        for (const [name, parent] of [['North', ''], ['Oslo', 'North']]) {
            await page.getByRole('button', { name: 'New organization' }).first().click();
            await page.getByLabel('Name').fill(name);
            if (parent !== '') await page.getByLabel('Below').selectOption({ label: parent });
            await page.getByRole('button', { name: 'Save' }).click();
            await row(page, name).first().waitFor();
        }
        await row(page, 'oslo').getByText('North').waitFor();
    });
});

describe('many devices', () => {
    flow('a list longer than a page is searched by the service, and goes on', async (page, context) => {
        for (let i = 0; i < 130; i++) await rest(context, 'PUT', `/devices/fleet-${i}`, {});
        await page.reload();
        await page.getByText('100+ devices').waitFor();
        await page.getByRole('button', { name: 'Show more' }).click();
        await page.getByText(/^13\d devices/).waitFor();
        await page.getByRole('searchbox').fill('fleet-99');
        await page.getByText('1 device', { exact: true }).waitFor();
        await page.getByRole('link', { name: 'fleet-99' }).waitFor();
        for (let i = 0; i < 130; i++) await rest(context, 'DELETE', `/devices/fleet-${i}`);
    });
});
