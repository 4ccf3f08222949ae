import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const generator = new URL('../../packages/create-moepress-plugin/', import.meta.url);
const kinds = ['scorer', 'compressor', 'refiner', 'task', 'calibration-set', 'exporter'];

/** A plugin of each kind as `npm create moepress-plugin` writes it, tested and used by the command that its page shows. */
export const scaffolds = existsSync(generator)
  ? Object.fromEntries(kinds.map((kind) => [`create-${kind}`, (project) => create(project, kind)]))
  : {};

async function create(project, kind) {
  const name = `trial-${kind}`;
  await project.npm('create', '--yes', 'moepress-plugin', name, '--', '--kind', kind);
  const plugin = project.at(`moepress-plugin-${name}`);
  await plugin.npm('install');
  await plugin.npm('test');
  const packed = JSON.parse(await plugin.npm('pack', '--json'));
  const user = project.at('user');
  await user.npm('install', 'moepress', join(plugin.folder, Object.values(packed)[0].filename));
  const page = readFileSync(join(plugin.folder, 'README.md'), 'utf8');
  const [, usage] = /^npx moepress (.*)$/m.exec(page);
  assert.match(usage, new RegExp(`\\b${name}\\b`));
  if (kind === 'refiner') {
    const method = ['--method', 'reap', '--ratio', '0.5'];
    await user.moepress('compress', 'tiny', ...method, '--plan-only', '--out', 'plan.json');
  }
  await user.moepress(...usage.split(' '));
}
