// Builds the page: node build.mjs OUT.inc [FOLDER]. Writes C initialisers (struct page_file) of the bundle; with a
// folder also the files themselves. Runs where node_modules stands, with the sources (or links to them) beside it.
import * as esbuild from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const source = process.cwd(); // with links to the sources beside node_modules
const [out, folder] = process.argv.slice(2);
if (out === undefined) {
    console.error('usage: node build.mjs OUT.inc [FOLDER]');
    process.exit(2);
}

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

async function bundle() {
    const result = await esbuild.build({
        entryPoints: [join(source, 'src/main.tsx')],
        bundle: true,
        minify: true,
        write: false,
        outdir: 'out',
        entryNames: 'app',
        format: 'esm',
        target: 'es2022',
        jsx: 'automatic',
        jsxImportSource: 'preact',
        legalComments: 'none', // they are in /licences.txt
        preserveSymlinks: true,
    });
    const find = (end) => result.outputFiles.find((file) => file.path.endsWith(end)).contents;
    return { js: Buffer.from(find('.js')), css: Buffer.from(find('.css')) };
}

// The licences of what is bundled want to travel with it.
function licences() {
    const text = ['preact', 'uplot'].map((name) => `${name}\n\n${readFileSync(join(source, 'node_modules', name, 'LICENSE'), 'utf8')}`);
    return Buffer.from(text.join('\n\n'));
}

function files({ js, css }) {
    const icon = readFileSync(join(source, 'icon.svg'));
    const names = { js: `app-${hash(js)}.js`, css: `app-${hash(css)}.css`, icon: `icon-${hash(icon)}.svg` };
    const index = readFileSync(join(source, 'index.html'), 'utf8').replace(
        /\{\{(js|css|icon)\}\}/g,
        (_, name) => '/' + names[name],
    );
    return [
        { path: '/', type: 'text/html; charset=utf-8', bytes: Buffer.from(index), immutable: false },
        { path: '/' + names.js, type: 'text/javascript; charset=utf-8', bytes: js, immutable: true },
        { path: '/' + names.css, type: 'text/css; charset=utf-8', bytes: css, immutable: true },
        { path: '/' + names.icon, type: 'image/svg+xml', bytes: icon, immutable: true },
        { path: '/licences.txt', type: 'text/plain; charset=utf-8', bytes: licences(), immutable: false },
        { path: '/favicon.ico', type: 'image/svg+xml', bytes: icon, immutable: false },
    ];
}

const array = (name, bytes) =>
    `static const char ${name}[] = {${[...bytes].map((byte) => (byte > 127 ? byte - 256 : byte)).join(',')}};\n`;

function initialisers(list) {
    let data = '';
    let table = 'static const struct page_file PAGE_FILES[] = {\n';
    list.forEach((file, i) => {
        const packed = gzipSync(file.bytes, { level: 9 });
        const saves = packed.length < file.bytes.length;
        data += array(`page_bytes_${i}`, file.bytes);
        if (saves) data += array(`page_gzip_${i}`, packed);
        table += `    {"${file.path}", "${file.type}", "\\"${hash(file.bytes)}\\"", ${file.immutable},\n`;
        table += `     {page_bytes_${i}, sizeof page_bytes_${i}},\n`;
        table += saves ? `     {page_gzip_${i}, sizeof page_gzip_${i}}},\n` : '     {NULL, 0}},\n';
    });
    return `${data}${table}};\n`;
}

const list = files(await bundle());
writeFileSync(out, initialisers(list));
if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    for (const file of list) writeFileSync(join(folder, file.path === '/' ? 'index.html' : file.path.slice(1)), file.bytes);
}
const total = list.reduce((sum, file) => sum + file.bytes.length, 0);
console.log(`page: ${total} bytes, gzip ${list.reduce((sum, file) => sum + gzipSync(file.bytes).length, 0)}`);
