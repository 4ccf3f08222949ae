import { fileURLToPath } from 'node:url';
import { type Ran, run } from './child.js';
import type { TableRow } from './table-rows.js';

const script = fileURLToPath(new URL('../../scripts/lm_eval_rows.py', import.meta.url));

/** What lm-evaluation-harness did, measured from outside, and what it says of itself: seconds, metrics. */
export interface PeerRan {
  readonly ran: Ran;
  readonly told: {
    /** Of the model's answers alone, and of everything after the model was opened. */
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

/** Nothing may be asked of the network, on both sides. */
const offline = { HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };

/** Scores a row by lm-evaluation-harness with transformers. Throws with what it said if it fails. */
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
