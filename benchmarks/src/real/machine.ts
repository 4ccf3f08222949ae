import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

/** The machine a result was measured on, and the state of the repository. */
export interface Provenance {
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  readonly processor: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly node: string;
}

export function provenance(args: readonly string[], suite = 'real'): Provenance {
  return {
    date: new Date().toISOString(),
    command: [`npm run bench -- ${suite}`, ...args].join(' '),
    commit: commit(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    node: process.version,
  };
}

/** The commit, marked if files differ from it; `unknown` outside a repository. */
export function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed ? ' with changes' : ''}`;
  } catch {
    return 'unknown';
  }
}
