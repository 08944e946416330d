// What the scripts of this folder share: the service as SPOKE_* in the environment describe it, its APIs, and patience. Its
// CA is trusted through NODE_EXTRA_CA_CERTS.
'use strict';

const assert = require('assert').strict;
const https = require('https');
const hub = require('azure-iot-device-mqtt');
const dps = require('azure-iot-provisioning-device-mqtt');

const env = process.env;
const host = env.SPOKE_HOST;
const MODEL = 'dtmi:com:example:Thermostat;1';
const PATIENCE_MS = 10000;

// The SDK has no option for a port, but takes the host as it is written. Over WebSocket it appends ":443/$iothub/..."
// to it: a question mark makes that the query, which the service has to ignore.
const transports = {
  mqtt: { hub: hub.Mqtt, dps: dps.Mqtt, host: `${host}:${env.SPOKE_MQTT_PORT}` },
  websocket: { hub: hub.MqttWs, dps: dps.MqttWs, host: `${host}:${env.SPOKE_HTTPS_PORT}/$iothub/websocket?` },
};

// Resolves to {status, body} of a call of the REST or the test-control API.
function call(method, path, body) {
  const url = `${env.SPOKE_API_BASE}${path}${path.startsWith('/api/') ? '?api-version=2022-07-31' : ''}`;
  const headers = { Authorization: env.SPOKE_API_TOKEN, 'Content-Type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode, body: text === '' ? null : JSON.parse(text) }));
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function callFor(status, method, path, body) {
  const answer = await call(method, path, body);
  assert.equal(answer.status, status, `${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}, not ${status}`);
  return answer.body;
}

function withLimit(promise, what) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

// Asks until the answer is a good one, and resolves to it.
async function until(what, ask, good) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (Date.now() > end) throw new Error(`${what} did not happen in ${PATIENCE_MS / 1000} s; last seen: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

module.exports = { env, MODEL, transports, call, callFor, withLimit, until };
