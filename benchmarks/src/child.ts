import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { anonymousMemory } from './memory.js';

/** How a command went. */
export interface Ran {
  readonly seconds: number;
  /** The most anonymous memory it had, in bytes, asked for every 10 ms (Linux). */
  readonly peak: number;
}

/** Runs a command to its end, from start to exit. Throws, with what it said, unless it succeeds. */
export async function runChild(command: string, args: readonly string[]): Promise<Ran> {
  const begin = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'close');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, child.pid === undefined ? 0 : anonymousMemory(child.pid));
  }, 10);
  try {
    const [code] = await ended;
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${said}`);
    return { seconds: (performance.now() - begin) / 1000, peak };
  } finally {
    clearInterval(timer);
  }
}
