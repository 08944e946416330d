// A browser, tabs that are signed in, and the REST API beside them: what the tests of the page stand on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';

const { chromium } = createRequire(join(process.env.SPOKE_PAGE_PACKAGES, 'package.json'))('playwright-core');
const axe = readFileSync(join(process.env.SPOKE_PAGE_PACKAGES, 'node_modules/axe-core/axe.min.js'), 'utf8');
export const { SPOKE_API_BASE: base, SPOKE_API_TOKEN: token, SPOKE_SCREENSHOTS: screenshots } = process.env;

const WAIT = 20000; // of two processors that others use as well
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
after(() => browser.close());

export const hosts = { path: '/deviceGroups/hosts', body: { displayName: 'Hosts', filter: 'SELECT * FROM devices WHERE $template = "dtmi:spoke:templates:HostMonitor;1"' } };

export const newContext = (options = {}) => browser.newContext({ ignoreHTTPSErrors: true, ...options });

/** The REST API, beside the page. */
export async function rest(context, method, path, data, service = { base, token }) {
    const answer = await context.request.fetch(`${service.base}/api${path}?api-version=2022-10-31-preview`, {
        method,
        headers: { Authorization: service.token },
        ...(data === undefined ? {} : { data }),
    });
    return { status: answer.status(), body: answer.status() === 204 ? undefined : await answer.json() };
}

/** A tab; at its end the page has made no error, broken no policy, and asked nobody but the service. */
export function flow(name, run, options = {}) {
    test(name, { timeout: 120000 }, async () => {
        const context = await newContext({
            viewport: options.phone ? { width: 390, height: 844 } : { width: 1280, height: 800 },
            colorScheme: options.dark ? 'dark' : 'light',
            locale: 'en-GB',
            reducedMotion: 'reduce',
        });
        const page = await context.newPage();
        page.setDefaultTimeout(WAIT);
        const service = options.service?.() ?? { base, token };
        const mistakes = [];
        page.on('pageerror', (error) => mistakes.push(error.message));
        page.on('console', (line) => {
            if (/Content Security Policy|Refused to/.test(line.text())) mistakes.push(line.text());
        });
        page.on('dialog', (dialog) => (mistakes.push(`a dialog: ${dialog.message()}`), dialog.dismiss()));
        context.on('request', (request) => {
            const url = request.url();
            if (!url.startsWith(`${service.base}/`) && !/^(data|blob):/.test(url)) mistakes.push(`asked ${url}`);
        });
        try {
            if (options.signedOut !== true) await enter(page, service);
            await run(page, context, service);
            assert.deepEqual(mistakes, []);
        } catch (error) {
            await page.screenshot({ path: join(screenshots, `failed-${name.replace(/\W+/g, '-')}.png`) }).catch(() => undefined);
            throw error;
        } finally {
            await context.close();
        }
    });
}

export async function enter(page, service = { base, token }) {
    await page.goto(`${service.base}/#token=${encodeURIComponent(service.token)}`);
    await page.getByRole('heading', { level: 1, name: 'Devices' }).waitFor();
}

export const go = async (page, place, heading) => {
    await page.evaluate((hash) => (location.hash = hash), place);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
};

export const row = (page, name) => page.getByRole('row').filter({ hasText: name });

/** Nothing loads any more; charts may still move. */
export async function settled(page) {
    await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
    await page.locator('.waiting').first().waitFor({ state: 'detached' });
    await page.waitForTimeout(400);
}

export async function broken(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}

export async function until(good, ms = WAIT) {
    const end = Date.now() + ms;
    while (!(await good())) {
        assert.ok(Date.now() < end, 'not within its time');
        await new Promise((done) => setTimeout(done, 200));
    }
}
