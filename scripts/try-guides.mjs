/**
 * Does what the guides tell contributors to do, as somebody who has nothing but them: every command line of CONTRIBUTING.md,
 * docs/plugins.md and docs/architectures.md, in a clean clone and in empty folders outside it.
 *
 *     node scripts/try-guides.mjs [page ...] [--whole] [--python <python with transformers>] [--in <folder>] [--only <pattern>]
 *
 * Lines that take many minutes, never end or publish are run in a shorter form, which `try-guides/known-lines.mjs` tells;
 * `--whole` runs the long ones as they are. Prints a line per command with its seconds and exits with 1 if one fails; the folder of
 * all is then kept, and `--in <folder> --only <pattern>` tries lines again there. Takes about ten minutes on two cores.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commandLines, guides } from './try-guides/command-lines.mjs';
import { tryCode } from './try-guides/guide-code.mjs';
import { Places } from './try-guides/places.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    whole: { type: 'boolean' },
    python: { type: 'string' },
    in: { type: 'string' },
    only: { type: 'string' },
  },
  allowPositionals: true,
});
const folder = realpathSync(values.in ?? mkdtempSync(join(tmpdir(), 'moepress-guides-')));
const places = await Places.open(root, folder);
let failed = 0;
try {
  for (const page of guides) {
    if (positionals.length > 0 && !positionals.includes(page)) continue;
    console.log(page);
    for (const line of commandLines(root, page)) await attempt(line, () => places.run(page, line, values));
    for (const [what, run] of tryCode(root, page, places, values)) await attempt(what, run);
  }
} finally {
  places.close();
}
if (failed > 0 || values.in) console.log(`Kept: ${folder}`);
else rmSync(folder, { recursive: true });
process.exitCode = failed > 0 ? 1 : 0;

/** Runs, and prints what it took and how it ended. */
async function attempt(what, run) {
  if (values.only && !new RegExp(values.only).test(what)) return;
  const started = performance.now();
  const problem = await run().then(
    () => null,
    (error) => error,
  );
  if (problem) failed++;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `${problem ? 'FAILED' : 'ok    '} ${what} (${seconds} s)${problem ? `\n${problem.message}` : ''}`,
  );
}
