/**
 * Does what the three guides of the site tell a reader to do, in a clean clone: each file is saved under the name that its
 * paragraph gives, and each command is run, in their order, as one shell session. What has been committed is tried.
 *
 *     node scripts/try-tracks.mjs [--in <folder>] [guide ...]
 *
 * Prints the seconds of each guide and ends with 1 at the first command that fails. `--in` uses a clone that is already there and
 * built. Takes about five minutes on two cores.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sessionOf } from './docs/guide-session.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const tracks = ['make-a-model-fit', 'run-a-leaderboard', 'write-a-method'];
const { values, positionals } = parseArgs({ options: { in: { type: 'string' } }, allowPositionals: true });
const own = values.in === undefined ? mkdtempSync(join(tmpdir(), 'moepress-tracks-')) : null;

/** The address in the guides leads to this repository. */
const env = {
  ...process.env,
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: `url.file://${root}.insteadOf`,
  GIT_CONFIG_VALUE_0: 'https://github.com/moepress/moepress',
};

let cwd = own ?? values.in;
for (const [i, track] of tracks.entries()) {
  if (values.in !== undefined && positionals.length > 0 && !positionals.includes(track)) continue;
  const session = sessionOf(readFileSync(join(root, `docs/guides/${track}.md`), 'utf8'), {
    // A clone that is there was installed already.
    installs: own !== null,
  });
  const started = performance.now();
  const { status } = spawnSync('bash', ['-euxc', session], { cwd, env, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`docs/guides/${track}.md: its commands end with ${status}.${own ? ` Kept: ${own}` : ''}`);
    process.exit(1);
  }
  console.log(`docs/guides/${track}.md: ${Math.round((performance.now() - started) / 1000)} s`);
  if (i === 0 && own !== null) cwd = join(own, 'moepress');
}
if (own !== null) rmSync(own, { recursive: true });
