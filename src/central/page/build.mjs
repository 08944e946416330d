// Builds the page: node build.mjs SAMPLE.c OUT.inc [FOLDER]. Writes C initialisers (struct page_file) of the bundle,
// which shows the sample as the program to begin with; with a folder also the files themselves. Runs where node_modules
// stands, with the sources (or links to them) beside it.
import * as esbuild from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const source = process.cwd();
const [sample, out, folder] = process.argv.slice(2);
if (out === undefined) {
    console.error('usage: node build.mjs SAMPLE.c OUT.inc [FOLDER]');
    process.exit(2);
}

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const read = (name) => readFileSync(join(source, name));

// The licences of what is bundled want to travel with it: they are in /licences.txt.
const licences = () =>
    Buffer.from(['preact', 'uplot'].map((name) => `${name}\n\n${read(`node_modules/${name}/LICENSE`)}`).join('\n\n'));

async function bundle() {
    const { outputFiles, metafile } = await esbuild.build({
        entryPoints: [join(source, 'src/main.tsx')],
        bundle: true,
        splitting: true,
        minify: true,
        write: false,
        metafile: true,
        outdir: 'out',
        entryNames: 'app-[hash]',
        chunkNames: 'part-[hash]',
        format: 'esm',
        target: 'es2022',
        jsx: 'automatic',
        jsxImportSource: 'preact',
        legalComments: 'none',
        preserveSymlinks: true,
        define: { SAMPLE: JSON.stringify(readFileSync(sample, 'utf8')) },
    });
    const [entry, about] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint?.endsWith('main.tsx'));
    const parts = about.imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => '/' + basename(path));
    const used = outputFiles.filter((file) => file.path.endsWith('.js') || basename(file.path) === basename(about.cssBundle));
    const files = used.map((file) => ({ path: '/' + basename(file.path), bytes: Buffer.from(file.contents) }));
    return { files, entry: '/' + basename(entry), style: '/' + basename(about.cssBundle), parts };
}

const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css', txt: 'text/plain' };
const typeOf = (name) => (TYPES[name] === undefined ? 'image/svg+xml' : `${TYPES[name]}; charset=utf-8`);

function page({ files, entry, style, parts }) {
    const icon = read('icon.svg');
    const names = { js: entry, css: style, icon: `/icon-${hash(icon)}.svg` };
    const preload = parts.map((part) => `<link rel="modulepreload" href="${part}">`).join('\n');
    const index = read('index.html').toString().replace(/\{\{(js|css|icon)\}\}/g, (_, name) => names[name]).replace('{{parts}}', preload);
    const hashed = [...files, { path: names.icon, bytes: icon }];
    const plain = [
        { path: '/', type: typeOf('html'), bytes: Buffer.from(index) },
        { path: '/favicon.ico', bytes: icon },
        { path: '/licences.txt', bytes: licences() },
    ];
    const complete = (immutable) => (file) => ({ type: typeOf(file.path.split('.').at(-1)), ...file, immutable });
    return [...plain.map(complete(false)), ...hashed.map(complete(true))];
}

// Whether a plain char has a sign depends on the machine.
const array = (name, bytes) => `static const unsigned char ${name}[] = {${[...bytes].join(',')}};\n`;
const view = (name) => `{(const char *)${name}, sizeof ${name}}`;

function initialisers(list) {
    let data = '';
    let table = 'static const struct page_file PAGE_FILES[] = {\n';
    list.forEach((file, i) => {
        const packed = gzipSync(file.bytes, { level: 9 });
        const saves = packed.length < file.bytes.length;
        data += array(`page_bytes_${i}`, file.bytes);
        if (saves) data += array(`page_gzip_${i}`, packed);
        table += `    {"${file.path}", "${file.type}", "\\"${hash(file.bytes)}\\"", ${file.immutable},\n`;
        table += `     ${view(`page_bytes_${i}`)},\n`;
        table += saves ? `     ${view(`page_gzip_${i}`)}},\n` : '     {NULL, 0}},\n';
    });
    return `${data}${table}};\n`;
}

const list = page(await bundle());
writeFileSync(out, initialisers(list));
if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    for (const file of list) writeFileSync(join(folder, file.path === '/' ? 'index.html' : file.path.slice(1)), file.bytes);
}
for (const { path, bytes } of list) console.log(`page: ${path} ${bytes.length} bytes, ${gzipSync(bytes).length} packed`);
