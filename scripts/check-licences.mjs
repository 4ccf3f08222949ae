/**
 * Guards what moepress is made of: every dependency in package-lock.json has a licence that may be shipped, or, of what
 * only building and testing need, used. Prints those that have another, or none, and exits with 1, or says nothing.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Permissive, and compatible with Apache-2.0. */
const shipped = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT', 'Unlicense'];

/** What is used and not passed on. */
const used = [...shipped, 'BlueOak-1.0.0', 'LGPL-3.0-or-later', 'MPL-2.0', 'Python-2.0'];

/** Packages that name a file, and what stands in it. */
const told = { spawndamnit: 'MIT' };

/** All dependencies of a lock file whose licence is not allowed, as `name: licence`. */
export function checkLicences({ packages }) {
  return Object.entries(packages)
    .filter(([path, { link }]) => path.includes('node_modules/') && !link)
    .flatMap(([path, { dev, devOptional, license }]) => {
      const name = path.split('node_modules/').at(-1);
      const licence = told[name] ?? license;
      const allowed = dev || devOptional ? used : shipped;
      return isAllowed(licence, allowed) ? [] : [`${name}: ${licence ?? 'no licence'}`];
    })
    .sort();
}

/** Of an SPDX expression without exceptions: one of those joined by OR, all of those joined by AND. */
function isAllowed(expression, allowed) {
  if (typeof expression !== 'string') return false;
  return expression
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((licence) => allowed.includes(licence)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
  const problems = checkLicences(lock);
  for (const problem of problems) console.error(`package-lock.json: ${problem}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
