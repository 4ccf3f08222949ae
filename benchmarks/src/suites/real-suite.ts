import { commandsMode, type Measured } from '../real/commands.js';
import { joined } from '../real/joined.js';
import { limitMode } from '../real/limit-mode.js';
import { provenance } from '../real/machine.js';
import type { Row } from '../real/measure.js';
import { memoryMode } from '../real/memory-mode.js';
import { type Mode, parseOptions, type RealOptions } from '../real/options.js';
import { markdown, readResults, writeReport } from '../real/report.js';
import { tableMode } from '../real/table-mode.js';

const modes: Readonly<Record<Mode, (options: RealOptions) => Promise<Measured>>> = {
  commands: commandsMode,
  table: tableMode,
  limit: limitMode,
  memory: memoryMode,
};

/**
 * Commands as users type them, on checkpoints of published shapes. Prints tables, writes them under
 * benchmarks/results, and fails if a command fails or takes more memory than it may. Throws `INPUT_INVALID`.
 */
export async function realSuite(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (process.platform !== 'linux') {
    console.log('real: memory is measured as Linux tells it, and this is another system');
    return;
  }
  // Leaving the usual way ends what was started and removes what it wrote.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1));
  const made = provenance(args);
  const measured = await modes[options.mode](options);
  const name = reportName(options);
  const rows = options.add ? joined(await readResults(name), measured.rows as readonly Row[]) : measured.rows;
  const tables = measured.tablesOf(rows);
  for (const table of tables) console.log(`\n${markdown(table)}`);
  await writeReport(name, made, tables, rows);
  if (!measured.rows.every((row) => measured.isGood(row))) process.exitCode = 1;
}

/** A part of a mode's rows does not replace the results of all, unless it joins them. */
function reportName({ mode, add, short, selection, documents, shapes }: RealOptions): string {
  const isWhole = selection === null && documents === null && shapes === null;
  const parts = add ? [] : [...(short ? ['short'] : []), ...(isWhole ? [] : ['part'])];
  return ['real', mode, ...parts].join('-');
}
