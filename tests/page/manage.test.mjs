// What administrators do with the page: enrolment, simulated devices, gateways, files, dashboards as a whole, rights.
import assert from 'node:assert/strict';
import { before, describe } from 'node:test';
import { authority } from './certificates.mjs';
import { base, flow, go, hosts, newContext, rest, row, until } from './flow.mjs';

const TEMPLATE = 'dtmi:spoke:templates:HostMonitor;1';

before(async () => {
    const context = await newContext();
    assert.equal((await rest(context, 'PUT', hosts.path, hosts.body)).status, 200);
    await context.close();
});

describe('enrolment groups', () => {
    flow('a group\'s keys are shown when asked for, and rotated one by one', async (page, context) => {
        await go(page, '#/access/enrolment', 'Access');
        await page.getByRole('button', { name: 'New enrolment group' }).click();
        await page.getByLabel('Name').fill('Line 7');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByRole('heading', { level: 1, name: 'Line 7' }).waitFor();
        const keys = async () => (await rest(context, 'GET', '/enrollmentGroups/Line-7')).body.attestation.symmetricKey;
        const before = await keys();
        assert.equal(await page.getByText(before.primaryKey).count(), 0);
        await page.getByRole('button', { name: 'Show primary key' }).click();
        await page.getByText(before.primaryKey).waitFor();
        await page.getByRole('button', { name: 'Rotate secondary key' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        const after = await keys();
        assert.equal(after.primaryKey, before.primaryKey);
        assert.notEqual(after.secondaryKey, before.secondaryKey);
        await page.getByRole('button', { name: 'Disable' }).click();
        await page.getByText('Disabled', { exact: true }).waitFor();
    });
    flow('an authority is uploaded, proven and trusted', async (page, context) => {
        const ca = authority();
        await go(page, '#/access/enrolment', 'Access');
        await page.getByRole('button', { name: 'New enrolment group' }).click();
        await page.getByLabel('Name').fill('Line 8');
        await page.getByLabel('Devices show').selectOption('x509');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByText('Has no authority').waitFor();
        await page.getByRole('button', { name: 'Upload certificate' }).first().click();
        await page.getByLabel('File').setInputFiles(ca.path);
        await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click();
        await page.getByText('Waits for proof').first().waitFor();
        await page.getByRole('button', { name: 'Make verification code' }).click();
        const code = await page.locator('.proof .secret code').innerText();
        await page.getByRole('button', { name: 'Upload proof' }).click();
        await page.getByLabel('Or its text').fill(ca.certificate); // signed, and with another name
        await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click();
        assert.match(await page.getByRole('dialog').getByRole('alert').innerText(), /verification code/);
        await page.getByLabel('File').setInputFiles(ca.prove(code));
        await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click();
        await page.getByText('Verified').waitFor();
        const { body } = await rest(context, 'GET', '/enrollmentGroups/Line-8');
        assert.equal(body.attestation.x509.signingCertificates.primary.verified, true);
    });
    flow('a file that is no certificate is refused with a sentence', async (page, context) => {
        await rest(context, 'PUT', '/enrollmentGroups/Line-9', { displayName: 'Line 9', attestation: { type: 'x509' } });
        await go(page, '#/access/enrolment/Line-9', 'Line 9');
        await page.getByRole('button', { name: 'Upload certificate' }).first().click();
        await page.getByLabel('Or its text').fill('no certificate');
        await page.getByRole('dialog').getByRole('button', { name: 'Upload' }).click();
        assert.match(await page.getByRole('dialog').getByRole('alert').innerText(), /certificate/i);
    });
});

describe('simulated devices', () => {
    flow('a template has a simulated device after two clicks, and everything says that it is one', async (page, context) => {
        await page.getByRole('link', { name: 'Templates' }).click();
        await page.getByRole('button', { name: 'Simulate a device of Host monitor' }).click();
        await page.getByRole('heading', { level: 1, name: 'Simulated Host monitor 1' }).waitFor();
        await page.getByText('Simulated', { exact: true }).waitFor();
        await page.getByRole('img', { name: /Line chart, CPU load/ }).waitFor();
        await go(page, '#/devices', 'Devices');
        await row(page, 'sim-host-monitor-1').getByText('Simulated', { exact: true }).waitFor();
        await go(page, '#/groups/hosts', 'Device groups');
        await row(page, 'Simulated Host monitor 1').getByText('Simulated', { exact: true }).waitFor();
        await go(page, `#/templates/${TEMPLATE}`, 'Host monitor');
        await page.getByText('Simulated', { exact: true }).first().waitFor();
        assert.equal((await rest(context, 'DELETE', '/devices/sim-host-monitor-1')).status, 204);
    });
});

describe('gateways and files', () => {
    flow('a device is put behind a gateway and taken away again', async (page, context) => {
        await rest(context, 'PUT', '/devices/leaf-1', {});
        await go(page, '#/devices/leaf-1/connect', 'leaf-1');
        await page.getByRole('button', { name: 'Put it behind a gateway' }).click();
        await page.getByLabel('Gateway', { exact: true }).selectOption('hostmon-1');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('link', { name: 'hostmon-1' }).click();
        await page.getByRole('heading', { level: 1, name: 'hostmon-1' }).waitFor();
        await go(page, '#/devices/hostmon-1/connect', 'hostmon-1');
        await page.getByText('Behind it is').waitFor();
        await page.getByRole('button', { name: 'Detach leaf-1' }).click();
        await page.getByText('nothing is behind it').waitFor();
        assert.equal((await rest(context, 'DELETE', '/devices/leaf-1')).status, 204);
    });
    flow('file upload is set up, shows no key, and is ended', async (page, context) => {
        await go(page, '#/settings', 'Settings');
        await page.getByRole('button', { name: 'Set up' }).click();
        await page.getByLabel('Connection string').fill('DefaultEndpointsProtocol=https;AccountName=acct1;AccountKey=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=;EndpointSuffix=core.windows.net');
        await page.getByLabel('Container').fill('uploads');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('AccountKey=*****').waitFor();
        assert.equal(await page.getByText('c2VjcmV0c2VjcmV0').count(), 0);
        await page.getByRole('button', { name: 'Edit' }).click();
        await page.getByLabel('Container').fill('elsewhere');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('elsewhere').waitFor();
        assert.equal((await rest(context, 'GET', '/fileUploads')).body.container, 'elsewhere');
        await page.getByRole('button', { name: 'Delete file upload' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.getByText('Devices cannot upload files yet').waitFor();
        await go(page, '#/devices/hostmon-1/files', 'hostmon-1');
        await page.getByText('No files yet').waitFor();
    });
});

describe('what happened', () => {
    flow('history tells of commands, connections and settings in words', async (page, context) => {
        await rest(context, 'POST', '/devices/hostmon-1/commands/snapshot', {});
        await rest(context, 'PATCH', '/devices/hostmon-1/properties', { interval: 3 });
        await go(page, '#/devices/hostmon-1/history', 'hostmon-1');
        const list = page.locator('.events');
        await list.getByText('snapshot answered 200').first().waitFor();
        await list.getByText('The device came.').first().waitFor();
        await list.locator('li', { hasText: 'Desired' }).first().waitFor();
    });
    flow('the audit tells who changed what, of the application and of a device', async (page, context) => {
        await rest(context, 'PATCH', '/devices/hostmon-1', { displayName: 'hostmon-1' });
        await go(page, '#/access/audit', 'Access');
        await row(page, 'hostmon-1').getByText('Start-up token').first().waitFor();
        await go(page, '#/devices/hostmon-1/history', 'hostmon-1');
        await row(page, 'displayName').getByText('Updated').first().waitFor();
    });
});

describe('dashboards', () => {
    const tile = (displayName, y) => ({ displayName, x: 0, y, width: 2, height: 1, configuration: { type: 'label', text: displayName } });
    flow('tiles are moved and made larger by the keyboard, and by dragging', async (page, context) => {
        const path = '/dashboards/dtmi:page:moves;1';
        await rest(context, 'PUT', path, { displayName: 'Moves', tiles: [tile('First', 0), tile('Second', 1), tile('Third', 2)] });
        const order = async () => {
            const { body } = await rest(context, 'GET', path);
            return body.tiles.sort((a, b) => a.y - b.y || a.x - b.x).map((one) => `${one.displayName} ${one.width}x${one.height}`);
        };
        await go(page, '#/dashboards/dtmi:page:moves;1/edit', 'Moves');
        await page.getByRole('button', { name: 'Move First', exact: true }).focus();
        await page.keyboard.press('ArrowRight');
        await until(async () => (await order())[1] === 'First 2x1');
        await page.getByText('First is number 2 of 3.').waitFor();
        await page.getByRole('button', { name: 'Move First', exact: true }).focus();
        await page.keyboard.press('Shift+ArrowDown');
        await until(async () => (await order())[1] === 'First 2x2');
        await page.getByRole('region', { name: 'Third' }).locator('.card-head').dragTo(page.getByRole('region', { name: 'Second' }));
        await until(async () => (await order())[0] === 'Third 2x1');
        await rest(context, 'DELETE', path);
    });
    flow('every kind of tile that can be made shows something', async (page, context) => {
        const data = (type, names, aggregateFunction) => ({ type, group: 'hosts', devices: ['hostmon-1'], capabilities: names.map((capability) => ({ capability, ...(aggregateFunction && { aggregateFunction }) })) });
        const queryRange = { type: 'time', duration: 'PT30M', resolution: 'PT1M' };
        const tiles = [
            ['Bars', { ...data('barChart', ['cpuLoad'], 'max'), queryRange }],
            ['Pie', { ...data('pieChart', ['memoryUsed', 'diskUsed'], 'avg'), queryRange }],
            ['Raw', { ...data('lineChart', ['uptime']), queryRange: { type: 'count', count: 20 } }],
            ['States', { ...data('stateHistoryChart', ['cpuLoad']), queryRange }],
            ['Events', { ...data('eventHistoryChart', ['uptime']), queryRange }],
            ['Trend', data('lkv', ['uptime'])],
            ['Heat', { ...data('heatMapChart', ['cpuLoad']), queryRange }],
        ].map(([displayName, configuration], y) => ({ displayName, x: 0, y, width: 3, height: 2, configuration }));
        const path = '/dashboards/dtmi:page:kinds;1';
        assert.equal((await rest(context, 'PUT', path, { displayName: 'Kinds', tiles })).status, 200);
        await go(page, '#/dashboards/dtmi:page:kinds;1', 'Kinds');
        const region = (name) => page.getByRole('region', { name, exact: true });
        await region('Bars').getByRole('img', { name: /Bar chart.*CPU load: \d+ values/ }).waitFor();
        await region('Pie').getByRole('img', { name: /Pie chart. Memory used: .*Disk used/ }).waitFor();
        await region('Raw').getByRole('img', { name: /Uptime: \d+ values/ }).waitFor();
        await region('States').locator('li', { hasText: '%' }).first().waitFor();
        await region('Events').locator('li').nth(2).waitFor();
        await region('Trend').locator('.kpi', { hasText: /\d/ }).waitFor();
        await region('Heat').getByRole('img', { name: /Heat map of 1 row/ }).waitFor();
        await rest(context, 'DELETE', path);
    });
});

describe('rights', () => {
    flow('one who may only read is offered nothing that would be refused', async (page, context) => {
        const rights = ['device.read', 'template.read', 'group.read', 'job.read', 'dashboard.read', 'enrolment.read', 'people.read', 'file.read'];
        assert.equal((await rest(context, 'PUT', '/roles/reader', { displayName: 'Reader', rights })).status, 200);
        const made = await rest(context, 'PUT', '/apiTokens/reader', { roles: [{ role: 'reader' }] });
        const view = `/deviceTemplates/${TEMPLATE}/views/read`;
        const configuration = { type: 'lkv', capabilities: [{ capability: 'uptime' }] };
        assert.equal((await rest(context, 'PUT', view, { displayName: 'Read', tiles: [{ displayName: 'Uptime', configuration }] })).status, 200);
        const other = await context.newPage();
        await other.goto(`${base}/#token=${encodeURIComponent(made.body.token)}`);
        await other.getByRole('link', { name: 'hostmon-1' }).waitFor();
        await other.getByText('reader').first().waitFor();
        const offered = /^(New|Upload|Approve|Block|Unblock|Delete|Edit|Rotate|Disable|Set up|Save|Simulate|Put it|Add a device|Add tile|Detach|Generate|Rename)/;
        const places = [
            ['#/devices', 'Devices'],
            ['#/devices/hostmon-1/connect', 'hostmon-1'],
            ['#/groups', 'Device groups'],
            ['#/templates', 'Templates'],
            [`#/templates/${TEMPLATE}`, 'Host monitor'],
            [`#/templates/${TEMPLATE}/views/read`, 'Read'],
            ['#/dashboards', 'Dashboards'],
            ['#/jobs', 'Jobs'],
            ['#/access', 'Access'],
            ['#/access/users', 'Access'],
            ['#/access/roles', 'Access'],
            ['#/access/enrolment', 'Access'],
            ['#/access/enrolment/SAS-IoT-Devices', 'SAS-IoT-Devices'],
            ['#/organizations', 'Organizations'],
            ['#/settings', 'Settings'],
        ];
        const wrong = [];
        for (const [place, heading] of places) {
            await go(other, place, heading);
            await other.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
            for (const button of await other.locator('main button').all())
                if (offered.test((await button.innerText()).trim()) && (await button.isEnabled())) wrong.push(`${place}: ${await button.innerText()}`);
        }
        assert.deepEqual(wrong, []);
        assert.equal(await other.getByRole('link', { name: 'Analytics' }).count(), 0);
        for (const path of ['/apiTokens/reader', view]) assert.equal((await rest(context, 'DELETE', path)).status, 204);
    });
});
