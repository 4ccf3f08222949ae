#!/usr/bin/env node
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  refuse(
    `moepress needs Node 20.19 or later, and this is ${process.versions.node}.`,
    'Install a newer Node.',
  );
} else {
  const command = await import('../dist/cli/main.js').catch(tell);
  await command?.main(process.argv);
}

/** Only this file is there without a build, and a package may have lost a dependency. */
function tell(error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  const isClone = existsSync(new URL('../tsconfig.json', import.meta.url));
  const [what] = error.message.split(' imported from ');
  if (isClone) refuse(`moepress has not been built: ${what}.`, 'Run `npm ci && npm run build` in the clone.');
  else refuse(`The installation is not whole: ${what}.`, 'Install it again: npm install moepress');
}

function refuse(message, hint) {
  console.error(`error: ${message}\n  hint:  ${hint}`);
  process.exitCode = 1;
}
