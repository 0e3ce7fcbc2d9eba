// Run the Khronos glTF validator on files: node validate_glb.mjs FILE...
// Prints a JSON array of {path, errors, warnings, infos, messages}; exits with 1 if any file has an error.

import { readFile } from "node:fs/promises";
import validator from "gltf-validator";

const results = [];
for (const path of process.argv.slice(2)) {
  try {
    const bytes = new Uint8Array(await readFile(path));
    const report = await validator.validateBytes(bytes, { uri: path, maxIssues: 50 });
    const { numErrors, numWarnings, numInfos, messages } = report.issues;
    results.push({ path, errors: numErrors, warnings: numWarnings, infos: numInfos, messages });
  } catch (error) {
    const message = { code: "UNREADABLE", message: String(error), severity: 0 };
    results.push({ path, errors: 1, warnings: 0, infos: 0, messages: [message] });
  }
}
console.log(JSON.stringify(results));
process.exit(results.some((result) => result.errors > 0) ? 1 : 0);
