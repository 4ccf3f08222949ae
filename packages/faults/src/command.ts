import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Place } from './place.js';

const entry = fileURLToPath(new URL('../../moepress/bin/moepress.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  /** Lines that it told on the way. */
  readonly lines: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface StartOptions {
  /** A program that starts it, as `unshare`. */
  readonly by?: readonly string[];
  /** Called with the number of lines told so far. */
  readonly onLine?: (line: number) => void;
}

/** Starts moepress in a place, with progress as NDJSON. */
export function start(
  args: readonly string[],
  { work, cache, tmp }: Place,
  { by = [], onLine }: StartOptions = {},
): Started {
  const [program, ...rest] = [...by, process.execPath, entry, ...args, '--json'];
  const began = performance.now();
  const child = spawn(program!, rest, {
    cwd: work,
    env: { ...process.env, CI: 'true', MOEPRESS_CACHE: cache, TMPDIR: tmp, HOME: tmp },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr, lines] = ['', '', 0];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    for (const _ of String(chunk).matchAll(/\n/g)) onLine?.(++lines);
    if (!onLine) lines = stderr.split('\n').length - 1;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr, milliseconds: performance.now() - began, lines }),
    );
  });
  return { child, ended };
}

export const run = (args: readonly string[], place: Place, options?: StartOptions): Promise<Ended> =>
  start(args, place, options).ended;

/** The code of the error that a command ended with; null if it told none. */
export function errorOf({ stderr }: Ended): string | null {
  for (const line of stderr.trimEnd().split('\n').toReversed()) {
    const event = eventIn(line);
    if (event?.type === 'error') return String(event.code);
  }
  return null;
}

/** Whether a command has begun with work that takes time. */
export const hasWorked = ({ stderr }: Ended): boolean =>
  stderr.split('\n').some((line) => eventIn(line)?.type === 'start');

function eventIn(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
