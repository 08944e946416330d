// The peer of bench_dtdl: the same files through @azure/dtdl-parser. parse.js ROUNDS FILE...
"use strict";
const fs = require("fs");
const { createParser, ModelParsingOption } = require("@azure/dtdl-parser");

async function oneRound(texts) {
  let refused = 0;
  const start = process.cpuUsage();
  for (const text of texts) {
    try {
      await createParser(ModelParsingOption.None).parse([text]);
    } catch (error) {
      refused++;
    }
  }
  const used = process.cpuUsage(start);
  return { seconds: (used.user + used.system) / 1e6, refused };
}

async function main() {
  const rounds = Number(process.argv[2]);
  const texts = process.argv.slice(3).map((file) => fs.readFileSync(file, "utf8"));
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  let best = null;
  for (let i = 0; i < rounds; i++) {
    const round = await oneRound(texts);
    if (best === null || round.seconds < best.seconds) best = round;
  }
  console.log(JSON.stringify({
    files: texts.length,
    bytes,
    refused: best.refused,
    seconds: best.seconds,
    models_per_s: Math.round(texts.length / best.seconds),
    mb_per_s: Number((bytes / best.seconds / 1e6).toFixed(2)),
    heap_mb: Math.round(process.memoryUsage().rss / 1e6),
  }));
}

main();
