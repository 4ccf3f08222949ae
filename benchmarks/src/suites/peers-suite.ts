import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModel } from '@moepress/checkpoint';
import { gflops } from '../flops.js';
import { commandRows, measureCommands } from '../peers/command-rows.js';
import { type Limits, machineLimits } from '../peers/machine-limits.js';
import { measuredRows } from '../peers/measured-rows.js';
import { startLlama, startOurs, startTransformers } from '../peers/peer-sides.js';
import { peerTable } from '../peers/peer-table.js';
import { type PeersOptions, parsePeersOptions } from '../peers/peers-options.js';
import { mergedRows, type RowResult } from '../peers/row-result.js';
import { measureRow } from '../peers/take-turns.js';
import { type Provenance, provenance } from '../real/machine.js';
import { markdown } from '../real/report.js';
import { shapes as published, type Shape } from '../real/shapes.js';
import { type Prepared, prepare } from '../real/subject.js';

const results = fileURLToPath(new URL('../../results', import.meta.url));
const shapes = published.filter(({ name }) => ['olmoe', 'qwen3'].includes(name));
const noShortForm = { length: null, tokens: null, documents: null };
const rowNames = [...measuredRows, ...commandRows(noShortForm)].map(({ name }) => name);

/**
 * moepress beside what its user would pick instead, row by row and in turns, and beside the limits of the machine. Prints
 * tables and writes them under benchmarks/results, named after the processor. Throws `INPUT_INVALID`.
 */
export async function peersSuite(args: readonly string[]): Promise<void> {
  const options = parsePeersOptions(args, { rows: rowNames, shapes: shapes.map(({ name }) => name) });
  if (process.platform !== 'linux') {
    console.log('peers: memory is measured as Linux tells it, and this is another system');
    return;
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1));
  const made = provenance(args, 'peers');
  const limits = await machineLimits();
  const name = made.processor.replace(/[^\w]+/g, '-').toLowerCase();
  const isPart =
    !options.add && (options.rows.length < rowNames.length || options.shapes.length < shapes.length);
  const earlier = options.add ? await readRows(name) : [];
  const rows: RowResult[] = [];
  const file = isPart ? `${name}-part` : name;
  // Row by row, so that what was measured is there if the rest is given up.
  const add = async (row: RowResult) => {
    rows.push(row);
    tell(row);
    await write(file, { made, limits, rows: mergedRows(earlier, rows) });
  };
  for (const shape of shapes.filter((one) => options.shapes.includes(one.name))) {
    await measureShape(shape, { options, limits, add });
  }
  for (const table of tablesOf(mergedRows(earlier, rows))) console.log(`\n${markdown(table)}`);
  console.log(`written to ${join(results, file)}.{md,json}`);
}

interface Measuring {
  readonly options: PeersOptions;
  readonly limits: Limits;
  readonly add: (row: RowResult) => Promise<void>;
}

async function measureShape(shape: Shape, measuring: Measuring): Promise<void> {
  const { options, add } = measuring;
  const prepared = await prepare(shape, options.layers ?? shape.layers);
  if (measuredRows.some(({ name }) => options.rows.includes(name))) await ask(prepared, measuring);
  for (const row of commandRows(options.short).filter(({ name }) => options.rows.includes(name))) {
    await add(await measureCommands(row, prepared, options.rounds));
  }
}

const tell = (result: RowResult) =>
  console.log(
    peerTable('', [result])
      .rows.map((cells) => `  ${cells.join(' | ')}`)
      .join('\n'),
  );

/** The rows that are asked of processes which stay open. */
async function ask(prepared: Prepared, { options, limits, add }: Measuring): Promise<void> {
  const { rounds, short } = options;
  const { shape, directory, layers } = prepared;
  const model = await openModel(directory);
  const ours = await startOurs(directory);
  const left = (name: string) => options.without.some((one) => name.startsWith(one));
  const peers = [
    ...(left('transformers') ? [] : [await startTransformers(directory)]),
    ...(left('llama.cpp') ? [] : [await startLlama(directory)]),
  ];
  for (const { name, ...peer } of peers)
    console.log(`  ${name}${'missing' in peer ? `: ${peer.missing}` : ''}`);
  try {
    const table = { shape: shape.title, layers, model, ours, peers, limits, rounds, short };
    for (const row of measuredRows.filter(({ name }) => options.rows.includes(name))) {
      await add(await measureRow(row, table));
    }
  } finally {
    for (const side of [ours, ...peers.flatMap((peer) => ('side' in peer ? [peer.side] : []))])
      await side.close();
  }
}

interface Report {
  readonly made: Provenance;
  readonly limits: Limits;
  readonly rows: readonly RowResult[];
}

async function readRows(name: string): Promise<RowResult[]> {
  try {
    return JSON.parse(await readFile(join(results, `${name}.json`), 'utf8')).rows;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function tablesOf(rows: readonly RowResult[]) {
  const titles = new Map(rows.map(({ shape, layers }) => [`${shape}, ${layers} layers`, { shape, layers }]));
  return [...titles].map(([title, { shape, layers }]) =>
    peerTable(
      title,
      rows.filter((row) => row.shape === shape && row.layers === layers),
    ),
  );
}

async function write(name: string, { made, limits, rows }: Report): Promise<void> {
  const about = `${made.date}, commit ${made.commit}: \`${made.command}\` on ${made.processor}, ${made.cores} cores, ${(made.memory / 1e9).toFixed(0)} GB of memory, Node.js ${made.node}. Limits: memory is read at ${(limits.bandwidth / 1e9).toFixed(0)} GB/s, products of fp32 matrices run at ${gflops(limits.products)}.`;
  const body = ['# moepress and its peers', about, ...tablesOf(rows).map(markdown)].join('\n\n');
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${name}.md`), `${body}\n`);
  await writeFile(join(results, `${name}.json`), `${JSON.stringify({ ...made, limits, rows }, null, 2)}\n`);
}
