// The page's types hold: node types.mjs FOLDER, where the page is built. Exit code 77: its packages are not there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const compiler = join(folder, 'node_modules', '.bin', 'tsc');
if (!existsSync(compiler)) {
    console.error('Skipped: the packages of the page were not fetched');
    process.exit(77);
}
process.exit(spawnSync(compiler, ['-p', folder], { stdio: 'inherit' }).status ?? 1);
