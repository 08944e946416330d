// The official SDKs, unmodified, against spoke-central: enrolment by certificate and by key, renewal of tokens, file upload
// to blob storage (azurite), and the documented errors. OpenSSL makes the certificates.
'use strict';

const assert = require('assert').strict;
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const os = require('os');
const path = require('path');
const { execFileSync, spawn } = require('child_process');
const { Client, Message, SharedAccessKeyAuthenticationProvider, X509AuthenticationProvider } = require('azure-iot-device');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { NoRetry } = require('azure-iot-common');
const { BlobServiceClient, BlockBlobClient, StorageSharedKeyCredential } = require('@azure/storage-blob');
const { env, transports, call, callFor, withLimit, until } = require('./service');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'spoke-interop-'));
const file = (name) => path.join(folder, name);
const read = (name) => fs.readFileSync(file(name), 'utf8');

// --- certificates ---

function openssl(...args) {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

// NAME.pem and NAME.key, of that common name, signed by `issuer` (none: by itself).
function certificate(name, commonName, issuer, extensions) {
  fs.writeFileSync(file(`${name}.ext`), extensions.join('\n'));
  openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`,
    '-subj', `/CN=${commonName}`, '-out', `${name}.csr`);
  const signer = issuer === null ? ['-signkey', `${name}.key`] : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  return { cert: read(`${name}.pem`), key: read(`${name}.key`) };
}

const AUTHORITY = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
const DEVICE = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth'];

async function verifiedGroup(id, authority) {
  const entry = `/api/enrollmentGroups/${id}/certificates/primary`;
  await callFor(200, 'PUT', `/api/enrollmentGroups/${id}`, { attestation: { type: 'x509' } });
  assert.equal((await callFor(200, 'PUT', entry, { certificate: read(`${authority}.pem`) })).verified, false);
  const { verificationCode } = await callFor(200, 'POST', `${entry}/generateVerificationCode`);
  certificate('proof', verificationCode, authority, DEVICE);
  await callFor(204, 'POST', `${entry}/verify`, { certificate: read('proof.pem') });
  assert.equal((await callFor(200, 'GET', entry)).verified, true);
}

// --- devices ---

async function register(transport, security, scope) {
  const client = ProvisioningDeviceClient.create(transport.host, scope || env.SPOKE_ID_SCOPE, new transport.dps(), security);
  return withLimit(client.register(), 'the registration');
}

// A connection string of a device with certificates has no place for another host to connect to.
function clientOf(transport, id, hub, proof) {
  if (proof.cert) {
    const provider = new X509AuthenticationProvider({ host: hub, deviceId: id, gatewayHostName: transport.host });
    return Client.fromAuthenticationProvider(provider, transport.hub);
  }
  return Client.fromConnectionString(`HostName=${hub};DeviceId=${id};SharedAccessKey=${proof};GatewayHostName=${transport.host}`, transport.hub);
}

async function open(transport, id, hub, proof) {
  const client = clientOf(transport, id, hub, proof);
  if (proof.cert) await client.setOptions(proof);
  await withLimit(client.open(), `${id}: the connection`);
  return client;
}

async function sends(client, id) {
  await withLimit(client.sendEvent(new Message(JSON.stringify({ level: 7 }))), `${id}: the acknowledgement`);
  assert.equal((await callFor(200, 'GET', `/api/devices/${id}/telemetry/level`)).value, 7);
}

async function answersCommands(client, id) {
  client.onDeviceMethod('blink', (request, response) => response.send(200, { times: request.payload }));
  const answer = await until(`${id}: the subscription to commands`, () => call('POST', `/api/devices/${id}/commands/blink`, { request: 3 }),
    ({ status }) => status !== 404);
  assert.deepEqual([answer.status, answer.body.response], [201, { times: 3 }]);
}

// Resolves to the error, whose name and message are like this.
async function fails(promise, like) {
  const error = await promise.then(() => null, (reason) => reason);
  assert.ok(error !== null, `it succeeded, and ${like} was expected`);
  assert.match(`${error.name}: ${error.message}`, like);
  return error;
}

const UNAUTHORIZED = /^UnauthorizedError: |Connection refused: Not authorized|^Error: Unauthorized/;

const groupKey = (id) => crypto.createHmac('sha256', Buffer.from(env.SPOKE_GROUP_KEY, 'base64')).update(id).digest('base64');

// --- the claims ---

async function aGroupsCertificateEnrolsAndConnects(name, transport) {
  const id = `chain-${name}`;
  const leaf = certificate(id, id, 'line', DEVICE);
  const proof = { cert: leaf.cert + read('line.pem'), key: leaf.key };
  const { assignedHub } = await register(transport, new X509Security(id, proof));
  const client = await open(transport, id, assignedHub, proof);
  await sends(client, id);
  await answersCommands(client, id);
  await withLimit(client.close(), `${id}: the end`);
}

async function aDevicesOwnCertificateEnrolsAndConnects(name, transport) {
  const id = `own-${name}`;
  const own = certificate(id, id, null, DEVICE);
  await callFor(200, 'PUT', `/api/devices/${id}`, {});
  await callFor(200, 'PUT', `/api/devices/${id}/attestation`,
    { type: 'x509', x509: { clientCertificates: { primary: { certificate: own.cert } } } });
  const { assignedHub } = await register(transport, new X509Security(id, own));
  const client = await open(transport, id, assignedHub, own);
  await sends(client, id);
  await withLimit(client.close(), `${id}: the end`);
}

async function keysOfItsOwnEnrolADevice(name, transport) {
  const id = `key-${name}`;
  await callFor(200, 'PUT', `/api/devices/${id}`, {});
  const { symmetricKey } = await callFor(200, 'PUT', `/api/devices/${id}/attestation`, { type: 'symmetricKey' });
  const { assignedHub } = await register(transport, new SymmetricKeySecurityClient(id, symmetricKey.secondaryKey));
  const client = await open(transport, id, assignedHub, symmetricKey.primaryKey);
  await sends(client, id);
  await withLimit(client.close(), `${id}: the end`);
}

async function tokensAreRenewed(name, transport) {
  const id = `renew-${name}`;
  const { assignedHub } = await register(transport, new SymmetricKeySecurityClient(id, groupKey(id)));
  const text = `HostName=${assignedHub};DeviceId=${id};SharedAccessKey=${groupKey(id)};GatewayHostName=${transport.host}`;
  const provider = SharedAccessKeyAuthenticationProvider.fromConnectionString(text, 4, 2); // seconds: of life, and left at renewal
  const client = Client.fromAuthenticationProvider(provider, transport.hub);
  await withLimit(client.open(), `${id}: the connection`);
  const connects = async () => (await callFor(200, 'GET', '/control/events')).filter(({ kind, deviceId }) => kind === 'hub-connected' && deviceId === id).length;
  await until(`${id}: two renewals`, connects, (count) => count >= 3);
  await sends(client, id);
  const expired = (await callFor(200, 'GET', '/control/events')).filter(({ kind, deviceId }) => kind === 'hub-token-expired' && deviceId === id);
  assert.deepEqual(expired, [], 'a token expired before it was renewed');
  await withLimit(client.close(), `${id}: the end`);
}

async function errorsAreTheDocumentedOnes(name, transport) {
  const id = `refused-${name}`;
  const wrong = crypto.randomBytes(32).toString('base64');
  await fails(register(transport, new SymmetricKeySecurityClient(id, wrong)), UNAUTHORIZED);
  await fails(register(transport, new SymmetricKeySecurityClient(id, groupKey(id)), '0ne0000FFFF'), UNAUTHORIZED);

  const strange = certificate(`${id}-strange`, id, 'stranger', DEVICE);
  await fails(register(transport, new X509Security(id, strange)), UNAUTHORIZED);
  const server = certificate(`${id}-server`, id, 'line', ['extendedKeyUsage=serverAuth']);
  await fails(register(transport, new X509Security(id, { cert: server.cert + read('line.pem'), key: server.key })), UNAUTHORIZED);
  const other = certificate(`${id}-other`, 'somebody-else', 'root', DEVICE);
  await fails(register(transport, new X509Security(id, other)), UNAUTHORIZED);

  await callFor(200, 'PUT', `/api/devices/${id}`, { enabled: false });
  const blocked = await fails(register(transport, new SymmetricKeySecurityClient(id, groupKey(id))), /^ProvisioningRegistrationFailedError: /);
  assert.equal(blocked.result.registrationState.errorCode, 400209);
  await callFor(200, 'PATCH', `/api/devices/${id}`, { enabled: true });
  const { assignedHub } = await register(transport, new SymmetricKeySecurityClient(id, groupKey(id)));
  await fails(open(transport, id, assignedHub, wrong), UNAUTHORIZED);
  await callFor(200, 'PATCH', `/api/devices/${id}`, { enabled: false });
  await fails(open(transport, id, assignedHub, groupKey(id)), UNAUTHORIZED);

  await callFor(200, 'PUT', `/api/enrollmentGroups/off-${name}`, { enabled: false, attestation: { type: 'symmetricKey' } });
  const group = await callFor(200, 'GET', `/api/enrollmentGroups/off-${name}`);
  const key = crypto.createHmac('sha256', Buffer.from(group.attestation.symmetricKey.primaryKey, 'base64')).update(`off-${name}`).digest('base64');
  await fails(register(transport, new SymmetricKeySecurityClient(`off-${name}`, key)), /status is disabled/);
}

// --- file upload ---

const ACCOUNT = 'interop';
const ACCOUNT_KEY = crypto.randomBytes(64).toString('base64');

// azurite over HTTPS, as the SDK knows nothing else, with the service's own certificate.
async function startStorage() {
  const data = path.dirname(env.SPOKE_CA_FILE);
  const program = require.resolve('azurite/dist/src/blob/main.js');
  const child = spawn(process.execPath, [program, '--blobHost', '127.0.0.1', '--blobPort', '0', '--inMemoryPersistence', '--silent',
    '--skipApiVersionCheck', '--loose', // the SDK asks for an encryption that azurite has not
    '--disableTelemetry', '--cert', path.join(data, 'server.pem'), '--key', path.join(data, 'server.key')],
    { cwd: folder, env: { ...process.env, AZURITE_ACCOUNTS: `${ACCOUNT}:${ACCOUNT_KEY}` }, stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill());
  let said = '';
  child.stdout.on('data', (part) => { said += part; });
  const found = await until('the start of azurite', () => said.match(/successfully listen\w* \w+ https:\/\/127\.0\.0\.1:(\d+)/), (match) => match !== null);
  return `https://127.0.0.1:${found[1]}/${ACCOUNT}`;
}

async function configureStorage(endpoint) {
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(ACCOUNT, ACCOUNT_KEY));
  const container = service.getContainerClient('uploads');
  await container.create();
  await callFor(200, 'PUT', '/api/fileUploads',
    { connectionString: `DefaultEndpointsProtocol=https;AccountName=${ACCOUNT};AccountKey=${ACCOUNT_KEY};BlobEndpoint=${endpoint};`, container: 'uploads' });
  return container;
}

// A signature is for the one blob.
async function writesNoOther(client, id) {
  const { hostName, containerName, blobName, sasToken, correlationId } = await client.getBlobSharedAccessSignature('own.txt');
  const put = (name) => new BlockBlobClient(`https://${hostName}/${containerName}/${name}${sasToken}`).upload('x', 1);
  await put(blobName);
  const error = await fails(put(`${id}/other.txt`), /./);
  assert.equal(error.statusCode, 403);
  await client.notifyBlobUploadStatus(correlationId, true, 201, 'done');
}

// The SDK has no option for a port here, but takes an agent.
const hubAgent = (options) => new https.Agent({ port: env.SPOKE_HTTPS_PORT, ...options });

async function uploads(container, id, client) {
  const text = `a file of ${id}, with \u00e4`;
  await client.setOptions({ http: { agent: hubAgent() } });
  client.setRetryPolicy(new NoRetry()); // which would hide the error until patience ends
  const source = file(`${id}.txt`);
  fs.writeFileSync(source, text);
  const size = fs.statSync(source).size;
  await withLimit(client.uploadToBlob('logs/day 1.txt', fs.createReadStream(source), size), `${id}: the upload`);
  const blob = await container.getBlobClient(`${id}/logs/day 1.txt`).downloadToBuffer();
  assert.equal(blob.toString('utf8'), text);
  const [seen] = (await callFor(200, 'GET', `/api/devices/${id}/files`)).value;
  assert.deepEqual([seen.blobName, seen.state], [`${id}/logs/day 1.txt`, 'succeeded']);
  await withLimit(writesNoOther(client, id), `${id}: an upload by hand`);
  assert.ok((await callFor(200, 'GET', '/api/events')).value.some(({ type, deviceId }) => type === 'fileUploaded' && deviceId === id));
}

async function filesGoToTheStorage(container, name, transport) {
  const id = `files-${name}`;
  const { assignedHub } = await register(transport, new SymmetricKeySecurityClient(id, groupKey(id)));
  const client = await open(transport, id, assignedHub, groupKey(id));
  await uploads(container, id, client);
  await callFor(200, 'PATCH', `/api/devices/${id}`, { enabled: false });
  await fails(client.getBlobSharedAccessSignature('late.txt'), UNAUTHORIZED);
  await client.close().catch(() => {});

  const certified = `files-x509-${name}`;
  const leaf = certificate(certified, certified, 'root', DEVICE);
  const { assignedHub: hub } = await register(transport, new X509Security(certified, leaf));
  const other = await open(transport, certified, hub, leaf);
  await uploads(container, certified, other);
  await withLimit(other.close(), `${certified}: the end`);
}

// --- all of it ---

async function step(what, work) {
  try {
    await work();
    console.log(what);
  } catch (error) {
    throw new Error(`${what}: ${error.stack}`);
  }
}

async function main() {
  certificate('root', 'Interop Root', null, AUTHORITY);
  certificate('line', 'Interop Line', 'root', AUTHORITY);
  certificate('stranger', 'Interop Root', null, AUTHORITY);
  await verifiedGroup('interop-x509', 'root');
  const container = await configureStorage(await startStorage());
  for (const [name, transport] of Object.entries(transports)) {
    await step(`${name}: a group's certificate enrols and connects`, () => aGroupsCertificateEnrolsAndConnects(name, transport));
    await step(`${name}: a device's own certificate enrols and connects`, () => aDevicesOwnCertificateEnrolsAndConnects(name, transport));
    await step(`${name}: keys of its own enrol a device`, () => keysOfItsOwnEnrolADevice(name, transport));
    await step(`${name}: tokens are renewed`, () => tokensAreRenewed(name, transport));
    await step(`${name}: errors are the documented ones`, () => errorsAreTheDocumentedOnes(name, transport));
    await step(`${name}: files go to the storage`, () => filesGoToTheStorage(container, name, transport));
  }
}

process.on('SIGTERM', () => process.exit(1));
main().then(() => 0, (error) => {
  console.error(error.message);
  return 1;
}).then((code) => {
  fs.rmSync(folder, { recursive: true, force: true });
  process.exit(code);
});
