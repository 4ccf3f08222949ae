import { fileURLToPath } from 'node:url';
import { type Ran, run } from './child.js';
import type { TableRow } from './table-rows.js';

const script = fileURLToPath(new URL('../../scripts/lm_eval_rows.py', import.meta.url));

/** The result of lm-evaluation-harness: seconds measured from outside and reported by itself, and metrics. */
export interface PeerRan {
  readonly ran: Ran;
  readonly told: {
    /** Seconds for the model's answers alone, and for everything after the model was opened. */
    readonly answer: number;
    readonly evaluate: number;
    readonly metrics: Readonly<Record<string, unknown>>;
  };
}

export interface PeerQuestion {
  readonly python: string;
  readonly directory: string;
  readonly rows: string;
  readonly row: TableRow;
  readonly dtype: 'bfloat16' | 'float32';
  /** File for what each request got. */
  readonly samples: string;
}

/** No network access, on both sides. */
const offline = { HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };

/** Scores one row with lm-evaluation-harness and transformers. Throws an error with its output if it fails. */
export async function askPeer({
  python,
  directory,
  rows,
  row,
  dtype,
  samples,
}: PeerQuestion): Promise<PeerRan> {
  const { task, limit, shots, batch } = row;
  const question = JSON.stringify({ task, limit, shots, batch, dtype, samples });
  const ran = await run(python, [script, directory, rows, question], { env: offline });
  if (ran.outcome !== 'done') throw new Error(`${python} ${script}: ${ran.complaint}`);
  return { ran, told: JSON.parse(ran.stdout.trim().split('\n').at(-1)!) };
}
