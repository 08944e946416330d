// Holds the document of a running spoke-central against the schema of OpenAPI 3.1, and its references.
// usage: node check.js, with SPOKE_API_BASE, SPOKE_API_TOKEN and NODE_EXTRA_CA_CERTS in the environment
"use strict";
const fs = require("fs");
const https = require("https");

function fetchDocument() {
    const options = { headers: { Authorization: process.env.SPOKE_API_TOKEN } };
    return new Promise((resolve, reject) => {
        https.get(process.env.SPOKE_API_BASE + "/openapi.json", options, (answer) => {
            let text = "";
            answer.on("data", (part) => (text += part));
            answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))));
        }).on("error", reject);
    });
}

async function main() {
    const { Validator } = await import("@seriousme/openapi-schema-validator");
    const text = await fetchDocument();
    const validator = new Validator();
    const result = await validator.validate(JSON.parse(text));
    if (!result.valid) {
        console.error(JSON.stringify(result.errors, null, 1));
        process.exit(1);
    }
    validator.resolveRefs(); // throws at one that leads nowhere
    const operations = Object.values(JSON.parse(text).paths).flatMap((path) => Object.keys(path)).length;
    console.log(`OpenAPI ${validator.version}: ${operations} operations, ${text.length} bytes, valid`);
    if (process.argv[2]) fs.writeFileSync(process.argv[2], text);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
