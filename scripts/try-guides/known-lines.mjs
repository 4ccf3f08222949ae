/**
 * What is done with each command that a guide shows. `at`: `clone`, a clean clone; `outside`, an empty folder whose npm has
 * the packages of the clone; `plugin`, a folder there with the files of the page; `project`, an empty project beside it; `made`,
 * what `npm create` wrote. `short`: what is run in its place unless `--whole` is given, because the line itself takes many minutes,
 * never ends or publishes. `says`: what it must print.
 */
export const knownLines = {
  'CONTRIBUTING.md': {
    'npm ci': { at: 'clone', says: /added \d+ packages/ },
    'npm test': { at: 'clone', short: 'npm test -- scripts/docs', says: /[1-9]\d* passed, 0 failed/ },
    'npm test -- plugins': {
      at: 'clone',
      short: 'npm test -- plugins/baselines',
      says: /[1-9]\d* passed, 0 failed/,
    },
    'npm test -- --watch plugins': { at: 'clone', by: 'watch' },
    'npm run format': { at: 'clone', says: /No fixes applied/ },
    'npm run fuzz -- all 1 20000': { at: 'clone', short: 'npm run fuzz -- all 1 200' },
    'npm run fuzz -- headers 1 1 532': { at: 'clone' },
    'npm run faults': { at: 'clone', short: 'npm run faults -- all 1 1' },
    'npm run build && npx moepress demo': {
      at: 'clone',
      short: 'npm run build && npx moepress demo --methods reap',
      says: /original[\s\S]*reap/,
    },
    'npm run docs': { at: 'clone', says: /build complete/ },
    'node scripts/try-throws.mjs': {
      at: 'clone',
      short: 'node scripts/try-throws.mjs 1 1',
      says: /7 of 7 seen/,
    },
    // This script itself.
    'node scripts/try-guides.mjs': { at: 'clone', short: 'node --check scripts/try-guides.mjs' },
    'npm create moepress-plugin': { at: 'outside', by: 'asking', says: /there is no terminal to ask/ },
    'npm create moepress-plugin loudest -- --kind scorer': { at: 'outside', says: /is written/ },
    'cd moepress-plugin-loudest && npm install && npm test': { at: 'outside', says: /Tests {2}\d+ passed/ },
    'npm install': { at: 'plugin', says: /added \d+ packages/ },
    'npm install --save-dev moepress': { at: 'plugin', says: /added \d+ packages/ },
    'npm install moepress ../moepress-plugin-loudest --install-links': {
      at: 'project',
      says: /added \d+ packages/,
    },
    'npx moepress inspect tiny': { at: 'project', says: /loudest/ },
    'npx moepress inspect tiny --plugin moepress-plugin-loudest': { at: 'project', says: /loudest/ },
    'npx moepress compress tiny --method loudest --ratio 0.25 --out tiny-loudest': { at: 'project' },
    'npx moepress eval tiny-loudest --tasks tiny_gsm,tiny_facts': { at: 'project', says: /tiny_facts/ },
    'npm install --global': {
      at: 'project',
      short:
        'npm install --global --prefix prefix moepress ../moepress-plugin-loudest --install-links && prefix/bin/moepress methods',
      says: /loudest/,
    },
    'moepress inspect': { at: 'project', short: 'npx moepress inspect tiny --json', says: /loudest/ },
    'node --test': { at: 'plugin', short: 'node --test index.test.js', says: /pass 1/ },
    'npx changeset': {
      at: 'clone',
      short: 'npx changeset --empty && git clean -fdq .changeset',
      says: /Empty Changeset added/,
    },
    'npm run version-packages': {
      at: 'clone',
      short: 'npm run version-packages && git diff --stat | tail -1 && git checkout -q . && git clean -fdq',
      says: /up to date/,
    },
    'npm run release': {
      at: 'clone',
      short: 'npm run build && npm run clean && npm pack --dry-run --workspace @moepress/core',
      says: /dist\/index\.js/,
    },
    'npm publish': {
      at: 'clone',
      short: 'npm publish --dry-run --workspace @moepress/core --tag latest',
      says: /dist\/index\.js/,
    },
    'node scripts/try-install.mjs': {
      at: 'clone',
      short: 'node scripts/try-install.mjs program',
      says: /ok {4} program/,
    },
  },
  'docs/plugins.md': {
    'moepress refine --refiner name': {
      at: 'project',
      short: 'npx moepress refine --help',
      says: /--refiner/,
    },
    'moepress export --to name': { at: 'project', short: 'npx moepress export --help', says: /--to/ },
    'npm create moepress-plugin': {
      at: 'outside',
      short:
        'npm create moepress-plugin tides -- --kind task && cd moepress-plugin-tides && npm install && npm test',
      says: /Tests {2}\d+ passed/,
    },
    'moepress methods': { at: 'project', short: 'npx moepress methods', says: /loudest/ },
    'moepress tasks': { at: 'project', short: 'npx moepress tasks', says: /tiny_facts/ },
  },
  'docs/architectures.md': {
    'moepress inspect <folder>': {
      at: 'clone',
      short: 'npx moepress inspect packages/checkpoint/fixtures/mixtral',
      says: /Mixtral/i,
    },
    'npx vitest run packages/checkpoint/src/architectures --update': {
      at: 'clone',
      says: /Tests {2}\d+ passed/,
    },
    'npx vitest run packages/runtime/src/variants.test.ts -t mixtral': {
      at: 'clone',
      by: 'fixture',
      says: /Tests {2}1 passed/,
    },
  },
};
