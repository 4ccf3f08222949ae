import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Order, Told } from './child.test.util.js';

/** Milliseconds by the clock after which a case hangs, if it works, and if it waits for a busy machine. */
const usual: Patience = { working: 5000, waiting: 60_000 };

interface Patience {
  readonly working: number;
  readonly waiting: number;
}

/** Bytes of a process that reads one input. */
const mostMemory = 512 * 2 ** 20;

/** Runs the cases. */
const script = fileURLToPath(new URL('./child.test.util.js', import.meta.url));

/** A case that ended as none should. */
export interface Fault {
  readonly index: number;
  readonly kind: 'raw' | 'crash' | 'hang' | 'memory';
  readonly detail: string;
}

/** Cases of a target, counted by how they ended. */
export interface Report {
  readonly target: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly Fault[];
}

/** Runs cases of a target in children; one that ends a child is run again alone, so that others are not blamed. */
export async function runTarget(
  { target, seed, first, count }: { target: string; seed: number; first: number; count: number },
  patience = usual,
): Promise<Report> {
  const counts: Record<string, number> = {};
  const faults: Fault[] = [];
  let left = Array.from({ length: count }, (_, i) => first + i);
  const note = (outcome: string) => {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  };
  while (left.length > 0) {
    const batch = await runBatch({ target, seed, cases: left }, patience);
    for (const { outcome, index, detail } of batch.done) {
      note(outcome);
      if (outcome === 'raw') faults.push({ index, kind: 'raw', detail });
    }
    left = left.slice(batch.done.length);
    if (batch.stopped === null) continue;
    const alone = await runBatch({ target, seed, cases: [left[0]!] }, patience);
    const [done] = alone.done;
    if (alone.stopped) {
      note(alone.stopped.kind);
      faults.push({ index: left[0]!, ...alone.stopped });
    } else {
      note(done!.outcome);
      const { outcome, detail } = done!;
      if (outcome === 'raw') faults.push({ index: left[0]!, kind: 'raw', detail });
      // One before it may have left what crashed; time and memory may have been those of many.
      else if (batch.stopped.kind === 'crash') faults.push({ index: left[0]!, ...batch.stopped });
    }
    left = left.slice(1);
  }
  return { target, counts, faults };
}

interface Done {
  readonly index: number;
  readonly outcome: string;
  readonly detail: string;
}

interface Batch {
  readonly done: readonly Done[];
  /** Why it ended within the case after those that were done. */
  readonly stopped: { readonly kind: 'crash' | 'hang' | 'memory'; readonly detail: string } | null;
}

function runBatch(order: Order, patience: Patience): Promise<Batch> {
  const execArgv = ['--expose-gc', '--max-semi-space-size=8'];
  const child = fork(script, [], { execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const done: Done[] = [];
  let stopped: Batch['stopped'] = null;
  let errors = '';
  let began: { clock: number; used: number } | null = null;
  child.stderr!.on('data', (text) => {
    errors = `${errors}${text}`.slice(-4000);
  });
  const stop = (kind: 'hang' | 'memory', detail: string) => {
    stopped ??= { kind, detail };
    child.kill('SIGKILL');
  };
  const watch = setInterval(() => {
    if (began === null) return;
    const passed = performance.now() - began.clock;
    const used = processorTime(child) - began.used;
    const isHanging =
      passed > patience.working && (used > 0.7 * patience.working || passed > patience.waiting);
    if (isHanging)
      stop('hang', `it took ${(passed / 1000).toFixed(1)} s, ${(used / 1000).toFixed(1)} s of work`);
  }, 250);
  child.on('message', (told: Told) => {
    if ('began' in told) began = { clock: performance.now(), used: processorTime(child) };
    else if ('ended' in told) {
      began = null;
      const { ended: index, outcome, detail, peak } = told;
      if (peak > mostMemory) stop('memory', `${Math.round(peak / 2 ** 20)} MiB`);
      else done.push({ index, outcome, detail });
    }
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(watch);
      const isCrash = stopped === null && (code !== 0 || signal !== null);
      resolve({
        done,
        stopped: isCrash ? { kind: 'crash', detail: `exit ${signal ?? code}\n${errors}` } : stopped,
      });
    });
    child.send(order);
  });
}

/** Milliseconds that a process has worked; 0 where the system does not tell. */
function processorTime({ pid }: ChildProcess): number {
  try {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .split(') ')
      .at(-1)!
      .split(' ')
      .slice(11, 13);
    return (Number(user) + Number(system)) * 10;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
