// Views of a template: made, looked at on a device, edited, and gone again.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe } from 'node:test';
import { broken, flow, go, newContext, rest, row, screenshots, settled, until } from './flow.mjs';

const TEMPLATE = 'dtmi:spoke:templates:HostMonitor;1';
const HOST = `#/templates/${TEMPLATE}`;
const VIEWS = `/deviceTemplates/${TEMPLATE}/views`;
const PUMP = 'dtmi:page:pumpTemplate;1';
const pump = (version, contents) => ({
    '@id': `dtmi:page:pumpTemplate;${version}`, '@type': ['ModelDefinition', 'DeviceModel'], '@context': ['dtmi:iotcentral:context;2', 'dtmi:dtdl:context;2'], displayName: 'Page pump',
    capabilityModel: { '@id': `dtmi:page:pump;${version}`, '@type': 'Interface', contents },
});
const FLOW = { '@type': 'Telemetry', name: 'flow', displayName: 'Flow', schema: 'double' };
const SETPOINT = { '@type': 'Property', name: 'setpoint', displayName: 'Setpoint', schema: 'double', writable: true };
const FLUSH = { '@type': 'Command', name: 'flush', displayName: 'Flush' };

const tab = (page, name) => page.getByRole('navigation', { name: 'Of this device' }).getByRole('link', { name, exact: true });
const region = (page, name) => page.getByRole('region', { name, exact: true });
const viewsOf = async (context, path = VIEWS) => (await rest(context, 'GET', path)).body.value.sort((a, b) => a.order - b.order);
/** No test finds what another left that failed. */
const forget = async (context) => {
    for (const { id } of await viewsOf(context)) await rest(context, 'DELETE', `${VIEWS}/${id}`);
};

async function addTile(page, kind, names, title) {
    await page.getByRole('button', { name: 'Add tile' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Kind').selectOption(kind);
    for (const name of names) await dialog.getByLabel(name, { exact: true }).check();
    await dialog.getByLabel('Title').fill(title);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
}

async function newView(page, name, kind) {
    await page.getByRole('button', { name: 'New view' }).first().click();
    await page.getByLabel('Name').fill(name);
    await page.getByRole('dialog').getByLabel('Kind').selectOption(kind);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
}

before(async () => {
    const context = await newContext();
    assert.equal((await rest(context, 'PUT', `/deviceTemplates/${PUMP}`, pump(1, [FLOW, SETPOINT, FLUSH]))).status, 200);
    await context.close();
});

describe('views of a template', () => {
    flow('one is made, lives on the page of a device, and is deleted', async (page, context) => {
        await forget(context);
        await go(page, HOST, 'Host monitor');
        await newView(page, 'Shift', 'dashboard');
        await page.getByLabel('Shown with').selectOption('hostmon-1');
        await addTile(page, 'lkv', ['Memory used'], 'Memory now');
        await addTile(page, 'lineChart', ['CPU load'], 'Load');
        await region(page, 'Memory now').locator('.kpi', { hasText: /\d/ }).waitFor(); // live, in the editor
        await page.getByRole('button', { name: 'Move Memory now', exact: true }).focus();
        await page.keyboard.press('ArrowRight');
        await until(async () => (await viewsOf(context))[0].tiles.map((one) => one.displayName).join() === 'Load,Memory now');
        await page.getByText('Memory now is number 2 of 2.').waitFor();
        await page.keyboard.press('Shift+ArrowRight'); // the handle has kept the focus
        await until(async () => (await viewsOf(context))[0].tiles[1].width === 2);
        const [{ tiles }] = await viewsOf(context);
        assert.equal(tiles.some(({ configuration }) => 'devices' in configuration || 'group' in configuration), false);

        await go(page, '#/devices/hostmon-1', 'hostmon-1');
        await tab(page, 'Shift').waitFor();
        assert.equal(await tab(page, 'Overview').count(), 0);
        const value = region(page, 'Memory now').locator('.kpi', { hasText: /\d/ });
        await value.waitFor();
        const first = await value.innerText();
        await until(async () => (await value.innerText()) !== first);
        await region(page, 'Load').getByRole('img', { name: /CPU load: \d+ values/ }).waitFor();

        await go(page, HOST, 'Host monitor');
        await page.getByRole('button', { name: 'Delete Shift' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.getByText('No views yet').waitFor();
        await go(page, '#/devices/hostmon-1', 'hostmon-1');
        await tab(page, 'Overview').waitFor();
    });
    flow('a form edits a property, and shows that the device accepted it', async (page, context) => {
        await forget(context);
        await go(page, HOST, 'Host monitor');
        await newView(page, 'Settings', 'form');
        await addTile(page, 'property', ['Interval of readings', 'Kernel release'], 'Readings');
        await go(page, '#/devices/hostmon-1', 'hostmon-1');
        await tab(page, 'Settings').waitFor();
        await page.getByLabel('Interval of readings', { exact: true }).fill('2');
        await page.getByRole('button', { name: 'Save Interval of readings' }).click();
        await region(page, 'Readings').getByText('Accepted (200)').waitFor();
        const { body } = await rest(context, 'GET', '/devices/hostmon-1/properties');
        assert.equal(body.interval, 2);
        await rest(context, 'PATCH', '/devices/hostmon-1/properties', { interval: 1 });
        await tab(page, 'Commands').click(); // no view offers them
        await page.getByRole('button', { name: 'Run Snapshot' }).waitFor();
        await forget(context);
    });
    flow('a picture is kept in its tile, where it is not too large', async (page, context) => {
        await forget(context);
        const picture = (kilobytes) => ({ name: 'plan.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><!--${'x'.repeat(kilobytes * 1000)}--><circle cx="4" cy="4" r="4"/></svg>`) });
        assert.equal((await rest(context, 'PUT', `${VIEWS}/plan`, { displayName: 'Plan' })).status, 200);
        await go(page, `${HOST}/views/plan`, 'Plan');
        await page.getByRole('button', { name: 'Add tile' }).first().click();
        const dialog = page.getByRole('dialog');
        await dialog.getByLabel('Kind').selectOption('image');
        await dialog.getByLabel('File').setInputFiles(picture(50));
        await page.getByText('A picture has 40 KB at most here').waitFor();
        await dialog.getByLabel('File').setInputFiles(picture(30));
        await dialog.getByRole('img', { name: 'The picture' }).waitFor();
        await dialog.getByRole('button', { name: 'Save' }).click();
        await dialog.waitFor({ state: 'detached' });
        await until(() => region(page, 'Picture').locator('img').evaluate((image) => image.naturalWidth > 0));
        await forget(context);
    });
    flow('the default ones are generated, put in another order, and changed', async (page, context) => {
        await forget(context);
        await go(page, HOST, 'Host monitor');
        await page.getByRole('button', { name: 'Generate default views' }).click();
        await row(page, 'Overview').waitFor();
        assert.deepEqual((await viewsOf(context)).map((one) => `${one.displayName} ${one.kind}`), ['Overview dashboard', 'About form', 'Commands dashboard']);
        await page.getByRole('button', { name: 'Move Commands up' }).click();
        await until(async () => (await viewsOf(context)).map((one) => one.id).join() === 'overview,commands,about');
        await go(page, '#/devices/hostmon-1/commands', 'hostmon-1');
        const link = tab(page, 'Commands');
        await link.waitFor();
        assert.equal(await link.getAttribute('aria-current'), 'page'); // and there is no second one
        await page.getByRole('button', { name: 'Run Snapshot' }).click();
        await page.getByText('Answered 200').first().waitFor();
        await tab(page, 'Overview').click();
        await page.getByRole('img', { name: /CPU load: \d+ values/ }).first().waitFor();
        await settled(page);
        await page.screenshot({ path: join(screenshots, 'views-generated.png'), fullPage: true });
        assert.deepEqual(await broken(page), []);
        await tab(page, 'About').click();
        await page.getByLabel('Interval of readings', { exact: true }).waitFor();
        await page.screenshot({ path: join(screenshots, 'views-generated-about.png'), fullPage: true });
        await page.setViewportSize({ width: 390, height: 844 });
        await tab(page, 'Overview').click();
        await page.getByRole('img', { name: /CPU load: \d+ values/ }).first().waitFor();
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
        await forget(context);
    });
    flow('without a device a simulated one is offered, and its values show', async (page, context) => {
        await go(page, `#/templates/${PUMP}`, 'Page pump');
        await page.getByRole('button', { name: 'Generate default views' }).click();
        await page.getByRole('link', { name: 'Overview', exact: true }).click();
        await page.getByText('No device has this template yet').waitFor();
        await page.getByRole('button', { name: 'Simulate a device' }).click();
        await page.getByLabel('Shown with').waitFor();
        await page.locator('.kpi', { hasText: /\d/ }).waitFor();
        for (const { id, template } of (await rest(context, 'GET', '/devices')).body.value) if (template === PUMP) await rest(context, 'DELETE', `/devices/${id}`);
    });
    flow('a new version has them, and says what it no longer has', async (page, context) => {
        assert.equal((await rest(context, 'PUT', '/deviceTemplates/dtmi:page:pumpTemplate;2', pump(2, [SETPOINT, FLUSH]))).status, 200);
        await go(page, '#/templates/dtmi:page:pumpTemplate;2/views/overview', 'Overview');
        await page.getByText('The template no longer has flow').waitFor();
        await rest(context, 'PUT', '/devices/page-lost', { template: 'dtmi:page:pumpTemplate;2' });
        await page.reload();
        await until(async () => (await page.getByText('The device does not have this.').count()) === 2); // its value, and its chart
        await rest(context, 'DELETE', '/devices/page-lost');
        await page.reload();
        await page.getByText('No device has this template yet').waitFor();
        const tiles = async () => (await viewsOf(context, '/deviceTemplates/dtmi:page:pumpTemplate;2/views'))[0].tiles;
        await page.getByRole('button', { name: 'Remove Flow', exact: true }).click();
        await until(async () => (await tiles()).length === 1);
        await page.getByRole('button', { name: 'Edit Flow over time', exact: true }).click();
        await page.getByRole('dialog').getByLabel('Kind').selectOption('property');
        await page.getByLabel('Setpoint', { exact: true }).check();
        await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
        await until(async () => JSON.stringify((await tiles())[0].configuration.capabilities) === '[{"capability":"setpoint"}]');
        await page.getByText('no longer has').waitFor({ state: 'detached' });
        await rest(context, 'DELETE', '/deviceTemplates/dtmi:page:pumpTemplate;2');
        await rest(context, 'DELETE', `/deviceTemplates/${PUMP}`);
    });
});
