// A peer: the official device SDK for Node.js, unmodified, as a program of the benchmark (clients.py). The CA comes
// through NODE_EXTRA_CA_CERTS, the packages through NODE_PATH.
'use strict';

const fs = require('fs');
const { parseArgs, promisify } = require('util');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

const WARM_UP = 1000;
const IDLE_MS = 300;
const BODY = '{"temperature":21.5,"humidity":40.25,"pressure":1013.2,"note":"exactly 100 bytes of telemetry data"}';

const text = { type: 'string' };
const { values: options } = parseArgs({ options: { port: text, ca: text, messages: text, window: text, latency: { type: 'boolean' } } });

function memoryKb(name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
}

// Resolves when all are acknowledged; times[] gets the microseconds of each when there is one.
function sendAll(client, count, window, times) {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let acknowledged = 0;
    const sendOne = () => {
      const begun = process.hrtime.bigint();
      sent += 1;
      client.sendEvent(new Message(BODY), (error) => {
        if (error) return reject(error);
        if (times) times.push(Number(process.hrtime.bigint() - begun) / 1000);
        acknowledged += 1;
        if (acknowledged === count) return resolve();
        return sent < count ? sendOne() : undefined;
      });
    };
    while (sent < Math.min(window, count)) sendOne();
  });
}

async function main() {
  const messages = Number(options.messages);
  const window = options.latency ? 1 : Number(options.window);
  // The SDK has no option for a port, but takes the gateway as it is written.
  const client = Client.fromConnectionString('HostName=hub.local;DeviceId=dev1;SharedAccessKey=AAECAwQFBgcICQoLDA0ODw==;' +
    `GatewayHostName=localhost:${options.port}`, Mqtt);
  await client.open();
  await promisify(setTimeout)(IDLE_MS);
  const idle = { idle_kb: memoryKb('VmRSS'), idle_anonymous_kb: memoryKb('RssAnon') };
  await sendAll(client, WARM_UP, window);
  const times = options.latency ? [] : undefined;
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  await sendAll(client, messages, window, times);
  const wall = Number(process.hrtime.bigint() - begun) / 1e9;
  const used = process.cpuUsage(cpu);
  const result = { messages, wall_s: wall, cpu_s: (used.user + used.system) / 1e6 };
  if (times) {
    times.sort((a, b) => a - b);
    result.p50_us = times[Math.floor((times.length - 1) * 0.5)];
    result.p99_us = times[Math.floor((times.length - 1) * 0.99)];
  }
  console.log(JSON.stringify({ ...result, ...idle, peak_kb: memoryKb('VmHWM') }));
  await client.close();
}

main().catch((error) => {
  console.error(`peer_node: ${error.stack}`);
  process.exit(1);
});
