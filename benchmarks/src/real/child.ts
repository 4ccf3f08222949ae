import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Bound, openBound } from './bound.js';
import { Events } from './events.js';
import type { Usage } from './process.js';
import { Watch } from './watch.js';

/** How a process ended. `refused`: it reported beforehand that it would need more memory than allowed. */
export type Outcome = 'done' | 'refused' | 'out of memory' | 'failed';

export interface Ran extends Usage {
  readonly outcome: Outcome;
  /** Seconds from its start to its end. */
  readonly seconds: number;
  /** Seconds of each task that it reported. */
  readonly tasks: Readonly<Record<string, number>>;
  /** Bytes of anonymous memory that it said it would take, if it did. */
  readonly predicted: number | null;
  readonly stdout: string;
  /** Its last output, if it did not succeed. */
  readonly complaint: string | null;
  /** How the bound was enforced. */
  readonly by: Bound['by'] | null;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Bytes of anonymous memory that it may take. */
  readonly bound?: number | undefined;
  /** Works with it while it runs, such as with a server, and ends it. */
  readonly drive?: ((child: ChildProcess) => Promise<void>) | undefined;
}

/** Runs a program and measures it from outside. */
export async function run(
  program: string,
  args: readonly string[],
  { env, bound: bytes, drive }: RunOptions = {},
): Promise<Ran> {
  const bound = bytes === undefined ? null : openBound(bytes);
  const began = performance.now();
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.pid === undefined) {
    bound?.release();
    throw (await once(child, 'error'))[0];
  }
  bound?.admit(child.pid);
  let struck = false;
  const watch = new Watch(child.pid, (anonymous) => {
    if (bound === null || anonymous <= bound.bytes) return;
    struck = true;
    child.kill('SIGKILL');
  });
  const events = new Events();
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => events.take(String(chunk)));
  const closed = once(child, 'close');
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  try {
    await drive?.(child);
  } catch (error) {
    events.complain(String(error));
    child.kill('SIGKILL');
  }
  const [code] = await closed;
  process.off('exit', end);
  const seconds = (performance.now() - began) / 1000;
  struck ||= bound?.struck() ?? false;
  bound?.release();
  const outcome = struck ? 'out of memory' : code === 0 ? 'done' : events.refused ? 'refused' : 'failed';
  return {
    ...watch.stop(),
    outcome,
    seconds,
    tasks: events.tasks,
    predicted: events.predicted,
    stdout,
    complaint: outcome === 'done' ? null : events.complaint,
    by: bound?.by ?? null,
  };
}
