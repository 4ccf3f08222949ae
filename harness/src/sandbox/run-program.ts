import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MoepressError } from '@moepress/core';
import { sandboxScript, systemFolders } from './sandbox-script.js';

/** What a program may take; more than any sound answer to a task of programming needs. */
export interface ProgramLimits {
  /** Seconds by the clock; 10 by default. */
  readonly seconds?: number | undefined;
  /** Bytes of memory of each process; 1 GiB by default. */
  readonly memory?: number | undefined;
  /** Processes and threads at once; 4 by default. */
  readonly processes?: number | undefined;
  /** Bytes of the scratch folder, which is in memory; 16 MiB by default. */
  readonly scratch?: number | undefined;
}

/** How a program ended: by itself, with what it wrote, or because its time was over. */
export interface ProgramOutcome {
  /** The exit status; null if it was ended. */
  readonly status: number | null;
  /** The end of what it wrote to either stream. */
  readonly output: string;
}

/** Characters of output that are kept. */
const longestOutput = 10_000;

/** Nobody's user and group, who own no files and whose processes are counted. */
const nobody = '65534';

/**
 * Runs a program of Python that a model wrote, apart from everything: without network, in namespaces of its own, and with
 * no files but the system's, read-only, and a scratch folder. When it ends or its time is over, so do all processes that
 * it has started. Throws `INPUT_INVALID` where the machine cannot do that, and the signal's reason.
 */
export async function runProgram(
  program: string,
  { seconds = 10, memory = 2 ** 30, processes = 4, scratch = 2 ** 24 }: ProgramLimits = {},
  signal?: AbortSignal,
): Promise<ProgramOutcome> {
  signal?.throwIfAborted();
  const root = await mkdtemp(path.join(tmpdir(), 'moepress-sandbox-'));
  try {
    const command = [
      ...(process.getuid?.() === 0
        ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
        : []),
      ...['unshare', '--user', '--map-root-user', '--net', '--pid', '--ipc', '--uts', '--mount'],
      ...['--fork', '--kill-child=SIGKILL', '--mount-proc', 'sh', '-c', sandboxScript, 'sh'],
      ...[root, String(scratch), ...systemFolders.filter((folder) => existsSync(folder)), '--'],
      ...['unshare', '--user', '--map-user=1000', '--map-group=1000'],
      ...['prlimit', `--as=${memory}`, `--nproc=${processes}`, `--cpu=${Math.ceil(seconds)}`, '--core=0'],
      ...[`--fsize=${scratch}`, '--nofile=64'],
      ...['env', '-i', 'PATH=/usr/bin:/bin', 'HOME=/tmp', 'python3', '-I', '-'],
    ];
    return await follow(command, program, seconds, signal);
  } finally {
    await rmdir(root).catch(() => undefined);
  }
}

/** Throws `INPUT_INVALID` where programs cannot be run apart. */
export async function checkSandbox(signal?: AbortSignal): Promise<void> {
  const { status, output } = await runProgram('print(6 * 7)', {}, signal);
  if (status === 0 && output.trim() === '42') return;
  throw cannotRun(output);
}

const cannotRun = (why: string): MoepressError =>
  new MoepressError('INPUT_INVALID', {
    message: `Programs that a model wrote cannot be run apart from this machine: ${why.trim() || 'they do not start'}.`,
    where: 'confirmRunUnsafeCode',
    hint: 'Use Linux with user namespaces, util-linux and python3, or leave out the task.',
  });

/** Starts a command with a text as its input, and ends it when its time is over. */
async function follow(
  command: readonly string[],
  input: string,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<ProgramOutcome> {
  const child = spawn(command[0]!, command.slice(1), { detached: true, stdio: 'pipe', cwd: '/' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output = (output + text).slice(-longestOutput);
    });
  }
  // A program may end without having read all of itself.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const end = () => void endAll(child);
  const timer = setTimeout(end, 1000 * seconds);
  signal?.addEventListener('abort', end);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', (error) => reject(cannotRun(error.message)));
      child.on('close', resolve);
    });
    signal?.throwIfAborted();
    return { status, output };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  }
}

/** Ends the first process of the namespace, and with it all others in there, whatever they have become. */
async function endAll(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const own = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  for (const target of [...own.split(' ').filter(Boolean).map(Number), -pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}
