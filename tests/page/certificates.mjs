// Certificate authorities for tests, by openssl.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const openssl = (folder, ...words) => execFileSync('openssl', words, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });

/** A root, and prove(code): the certificate that it signs with this common name. */
export function authority() {
    const folder = mkdtempSync(join(tmpdir(), 'page-ca-'));
    openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=Line 1');
    const prove = (code) => {
        const name = code.slice(0, 8);
        openssl(folder, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${code}`);
        openssl(folder, 'x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-out', `${name}.pem`);
        return join(folder, `${name}.pem`);
    };
    const path = join(folder, 'ca.pem');
    return { folder, path, certificate: readFileSync(path, 'utf8'), prove, write: (name, text) => writeFileSync(join(folder, name), text) };
}
