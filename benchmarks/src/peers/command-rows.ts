import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { halfPlan } from '../plans.js';
import { type Ran, run } from '../real/child.js';
import { commit } from '../real/machine.js';
import { benchFolder, inScratch, moepress } from '../real/moepress.js';
import type { Prepared } from '../real/subject.js';
import { generationJob, writeGenerationTask } from './generation-task.js';
import { peerPython } from './peer-sides.js';
import type { ShortForm } from './peers-options.js';
import type { Absent, RowResult, SideResult } from './row-result.js';

/** A row of commands as users type them, each a process from its start to its end. */
interface CommandRow {
  readonly name: string;
  /** What the results call it, the name by default. */
  readonly title?: string;
  readonly amount: number;
  readonly unit: string;
  readonly peer: string;
  /** Whether the peer is a Python with lm_eval. */
  readonly needsPython: boolean;
  /** What both sides run; `scratch` is empty before each. */
  readonly ours: (prepared: Prepared, scratch: string) => Promise<Ran>;
  readonly theirs: (prepared: Prepared, scratch: string) => Promise<Ran>;
}

const lmEval = fileURLToPath(new URL('../../scripts/lm_eval_rows.py', import.meta.url));
const offline = { HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };

interface Evaluated {
  readonly task: string;
  readonly limit: number | null;
  readonly shots: number | null;
  readonly batch: number;
  readonly include?: string;
}

const evaluation = (
  row: Pick<CommandRow, 'name' | 'title' | 'amount' | 'unit'>,
  taskOf: (scratch: string) => Promise<Evaluated>,
): CommandRow => ({
  ...row,
  ...{ peer: 'lm_eval with transformers, bfloat16', needsPython: true },
  ours: async ({ directory, rows }, scratch) => {
    const { task, limit, shots, include } = await taskOf(scratch);
    const args = [
      ...[
        'eval',
        directory,
        '--tasks',
        include ? join(include, `${task}.yaml`) : task,
        '--data',
        rows.folder,
      ],
      ...['--no-answers', '--output', join(scratch, 'out')],
      ...(limit === null ? [] : ['--limit', String(limit)]),
      ...(shots === null ? [] : ['--num-fewshot', String(shots)]),
    ];
    return moepress(args, scratch);
  },
  theirs: async ({ directory, rows }, scratch) => {
    const question = {
      ...(await taskOf(scratch)),
      dtype: 'bfloat16',
      samples: join(scratch, 'samples.jsonl'),
    };
    const args = [lmEval, directory, rows.folder, JSON.stringify(question)];
    return run(peerPython()!, args, { env: offline });
  },
});

const copies: CommandRow = {
  ...{ name: 'apply', amount: 0, unit: 's', peer: '`cp` of what was written', needsPython: false },
  ours: async ({ directory }, scratch) => {
    const plan = await halfPlan(directory, scratch);
    return moepress(['apply', plan, directory, '--out', join(scratch, 'written')], scratch);
  },
  theirs: async ({ directory }, scratch) => {
    const plan = await halfPlan(directory, scratch);
    const source = join(scratch, 'source');
    await done(moepress(['apply', plan, directory, '--out', source], scratch));
    await done(run('sync', []));
    return run('sh', ['-c', 'cp -r "$1" "$2" && sync', 'sh', source, join(scratch, 'copy')]);
  },
};

const start: CommandRow = {
  ...{
    name: 'start-up',
    amount: 0,
    unit: 's',
    peer: 'importing torch, transformers and lm_eval',
    needsPython: true,
  },
  ours: (_, scratch) => moepress(['eval', 'tiny', '--tasks', 'tiny_facts', '--limit', '1'], scratch),
  theirs: () =>
    run(peerPython()!, ['-c', 'import torch, transformers, lm_eval.models.huggingface'], { env: offline }),
};

/** The rows, with sizes of a short form in place of their own. */
export function commandRows({ documents, tokens }: ShortForm): CommandRow[] {
  const job = {
    prompts: documents ?? generationJob.prompts,
    newTokens: tokens ?? generationJob.newTokens,
  };
  const isShort = job.prompts !== generationJob.prompts || job.newTokens !== generationJob.newTokens;
  const limit = documents ?? 200;
  const named = (name: string) => (limit === 200 ? { name } : { name, title: `${name}, ${limit} documents` });
  return [
    evaluation(
      {
        ...{ name: 'generation', amount: job.prompts * job.newTokens, unit: 'new tokens/s' },
        ...(isShort && { title: `generation, ${job.prompts} prompts, ${job.newTokens} new tokens` }),
      },
      async (scratch) => {
        const include = join(scratch, 'task');
        await writeGenerationTask(include, job);
        return { task: 'generation_job', limit: null, shots: null, batch: 32, include };
      },
    ),
    evaluation({ ...named('mmlu'), amount: 0, unit: 's' }, async () => ({
      ...{ task: 'mmlu_astronomy', limit, shots: 5, batch: 4 },
    })),
    evaluation({ ...named('arc'), amount: 0, unit: 's' }, async () => ({
      ...{ task: 'arc_easy', limit, shots: null, batch: 16 },
    })),
    copies,
    start,
  ];
}

/** Runs a row in turns; where the peer is missing only our side. Throws an error if ours fails. */
export async function measureCommands(
  row: CommandRow,
  prepared: Prepared,
  rounds: number,
): Promise<RowResult> {
  const sides: { ours: Ran[]; theirs: Ran[] } = { ours: [], theirs: [] };
  let missing = row.needsPython && peerPython() === null ? 'MOEPRESS_PYTHON names no Python' : null;
  const apart = (use: CommandRow['ours']) =>
    inScratch(benchFolder, async (scratch) => {
      await rm(join(scratch, 'out'), { recursive: true, force: true });
      return use(prepared, scratch);
    });
  for (let round = 0; round < rounds; round++) {
    sides.ours.push(await done(apart(row.ours)));
    if (missing !== null) continue;
    const ran = await apart(row.theirs);
    if (ran.outcome === 'done') sides.theirs.push(ran);
    else missing = ran.complaint?.split('\n').at(-1) ?? ran.outcome;
  }
  const peer: SideResult | Absent =
    missing === null ? sideOf(row.peer, sides.theirs) : { name: row.peer, missing };
  return {
    ...{ shape: prepared.shape.title, layers: prepared.layers, row: row.title ?? row.name },
    ...{ amount: row.amount, unit: row.unit, limit: null },
    ours: sideOf('moepress', sides.ours),
    peers: [peer],
    date: new Date().toISOString(),
    commit: commit(),
  };
}

const sideOf = (name: string, ran: readonly Ran[]): SideResult => ({
  name,
  seconds: ran.map(({ seconds }) => seconds),
  anonymous: Math.max(...ran.map(({ anonymous }) => anonymous)),
});

async function done(running: Promise<Ran>): Promise<Ran> {
  const ran = await running;
  if (ran.outcome !== 'done') throw new Error(`It ended with "${ran.outcome}": ${ran.complaint}`);
  return ran;
}
