// The official device SDK, unmodified, against spoke-central: everything a device does, over MQTT and over WebSocket.
'use strict';

const assert = require('assert').strict;
const crypto = require('crypto');
const { promisify } = require('util');
const { Client, Message } = require('azure-iot-device');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { env, MODEL, transports, call, callFor, withLimit, until } = require('./service');

async function restKey(id) {
  await callFor(200, 'PUT', `/api/devices/${id}`, { displayName: id });
  return (await callFor(200, 'GET', `/api/devices/${id}/credentials`)).symmetricKey.primaryKey;
}

async function groupKey(id) {
  assert.equal((await call('GET', `/api/devices/${id}`)).status, 404, `${id} is known before it registers`);
  return crypto.createHmac('sha256', Buffer.from(env.SPOKE_GROUP_KEY, 'base64')).update(id).digest('base64');
}

async function provision(transport, id, key) {
  const client = ProvisioningDeviceClient.create(transport.host, env.SPOKE_ID_SCOPE, new transport.dps(), new SymmetricKeySecurityClient(id, key));
  client.setProvisioningPayload({ modelId: MODEL });
  const result = await withLimit(client.register(), `${id}: the registration`);
  assert.equal(result.deviceId, id);
  assert.equal(result.status, 'assigned');
  assert.equal((await callFor(200, 'GET', `/api/devices/${id}`)).provisioned, true, `${id} is not shown as provisioned`);
  assert.deepEqual((await callFor(200, 'GET', `/control/devices/${id}`)).provisioningPayload, { modelId: MODEL });
  return result.assignedHub;
}

async function connect(transport, id, key, assignedHub) {
  const text = `HostName=${assignedHub};DeviceId=${id};SharedAccessKey=${key};GatewayHostName=${transport.host}`;
  const client = Client.fromConnectionString(text, transport.hub);
  await client.setOptions({ modelId: MODEL, productInfo: 'interop (test)' });
  await withLimit(client.open(), `${id}: the connection`);
  const state = await callFor(200, 'GET', `/control/devices/${id}`);
  assert.equal(state.connected, true);
  assert.equal(state.modelId, MODEL);
  return client;
}

async function sendsTelemetry(client, id) {
  const message = new Message(JSON.stringify({ temperature: 21.5 }));
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.messageId = 'm-1';
  message.properties.add('floor & wing', 'a/b=c % \u00e4');
  message.properties.add('empty', '');
  await withLimit(client.sendEvent(message), `${id}: the acknowledgement of telemetry`);
  const [got, ...more] = await callFor(200, 'GET', `/control/devices/${id}/messages`);
  assert.equal(more.length, 0, 'one message was sent, more were stored');
  assert.equal(got.qos, 1);
  assert.deepEqual(JSON.parse(got.body), { temperature: 21.5 });
  assert.deepEqual(got.properties, { 'floor & wing': 'a/b=c % \u00e4', empty: '' });
  assert.equal(got.system.messageId, 'm-1');
  assert.equal(got.system.contentType, 'application/json');
  assert.equal(got.system.contentEncoding, 'utf-8');
  assert.equal((await callFor(200, 'GET', `/api/devices/${id}/telemetry/temperature`)).value, 21.5);
}

async function keepsItsTwin(client, id) {
  await callFor(202, 'PATCH', `/api/devices/${id}/properties`, { targetTemperature: 19 });
  const twin = await withLimit(client.getTwin(), `${id}: the twin`);
  assert.equal(twin.properties.desired.targetTemperature, 19);
  const before = twin.properties.desired.$version;

  const patch = { firmware: '1.0', targetTemperature: { value: 19, ac: 200, av: before, ad: 'set' } };
  await withLimit(promisify(twin.properties.reported.update)(patch), `${id}: the answer to reported properties`);
  const seen = await callFor(200, 'GET', `/api/devices/${id}/properties`);
  assert.equal(seen.firmware, '1.0');
  assert.equal(seen.targetTemperature, 19);
  assert.equal(seen.$metadata.targetTemperature.ackVersion, before);

  const changed = new Promise((resolve) => {
    twin.on('properties.desired', (change) => { if (change.targetTemperature === 23) resolve(change); });
  });
  // The SDK subscribes when the listener is there and does not say when that is done.
  await until(`${id}: the subscription to desired properties`, async () => {
    await callFor(202, 'PATCH', `/api/devices/${id}/properties`, { probe: Date.now() });
    return twin.properties.desired.probe;
  }, (probe) => probe !== undefined);
  await callFor(202, 'PATCH', `/api/devices/${id}/properties`, { targetTemperature: 23 });
  const change = await withLimit(changed, `${id}: the notification of a desired property`);
  assert.ok(change.$version > before, 'the notification has no newer $version');
}

async function answersCommands(client, id) {
  const answered = new Promise((resolve, reject) => {
    client.onDeviceMethod('reboot', (request, response) => {
      response.send(202, { delay: request.payload.delay, accepted: true }).then(resolve, reject);
    });
  });
  const path = `/api/devices/${id}/commands/reboot`;
  const answer = await until(`${id}: the subscription to commands`, () => call('POST', path, { request: { delay: 5 } }),
    ({ status }) => status !== 404);
  assert.equal(answer.status, 201, `the command answered ${answer.status} ${JSON.stringify(answer.body)}`);
  assert.equal(answer.body.responseCode, 202);
  assert.deepEqual(answer.body.request, { delay: 5 });
  assert.deepEqual(answer.body.response, { delay: 5, accepted: true });
  await withLimit(answered, `${id}: the end of the answer`);
}

async function completesMessages(client, id) {
  await callFor(202, 'POST', `/control/devices/${id}/c2d`,
    { body: 'hello', properties: { colour: 'dark blue' }, system: { '$.mid': 'c-1' } });
  const message = await withLimit(new Promise((resolve) => client.on('message', resolve)), `${id}: the message from the cloud`);
  assert.equal(message.getData().toString(), 'hello');
  assert.equal(message.messageId, 'c-1');
  assert.equal(message.to, `/devices/${id}/messages/deviceBound`);
  assert.equal(message.properties.getValue('colour'), 'dark blue');
  await withLimit(client.complete(message), `${id}: the completion of the message`);
  await until(`${id}: the end of the message`, () => callFor(200, 'GET', `/control/devices/${id}`), ({ c2dPending }) => c2dPending === 0);
}

async function walk(name, kind, keyOf) {
  const transport = transports[name];
  const id = `interop-${kind}-${name}`;
  const step = async (what, work) => {
    try {
      const result = await work();
      console.log(`${id}: ${what}`);
      return result;
    } catch (error) {
      throw new Error(`${id} failed where it ${what}: ${error.message}`);
    }
  };
  const key = await keyOf(id);
  const assignedHub = await step('is provisioned', () => provision(transport, id, key));
  const client = await step('connects', () => connect(transport, id, key, assignedHub));
  await step('sends telemetry', () => sendsTelemetry(client, id));
  await step('reads its twin, reports and is told of changes', () => keepsItsTwin(client, id));
  await step('answers a command', () => answersCommands(client, id));
  await step('completes a message from the cloud', () => completesMessages(client, id));
  await step('disconnects', async () => {
    await withLimit(client.close(), `${id}: the end of the connection`);
    await until(`${id}: being shown as disconnected`, () => callFor(200, 'GET', `/control/devices/${id}`), ({ connected }) => !connected);
  });
}

async function main() {
  for (const name of Object.keys(transports)) {
    await Promise.all([walk(name, 'created', restKey), walk(name, 'grouped', groupKey)]);
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message);
  process.exit(1);
});
