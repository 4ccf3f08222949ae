import { availableParallelism, cpus } from 'node:os';
import type { TokenEngine } from '@moepress/harness';
import type { ComputeOptions } from '../options.js';
import type { SessionEngine } from './session-engine.js';

/** How fast a model was scored, and where. */
export interface Throughput {
  /** Tokens of the scored sequences, those included that requests share. */
  readonly tokensPerSecond: number;
  /** Its standard error, by the parts that were timed one by one; null of a single part. */
  readonly error: number | null;
  /** Processor and threads, or the device. */
  readonly machine: string;
}

/**
 * An engine that scores as `engine` does and takes the time. Generation does not count: how long its answers
 * are is up to the model. Nor does the time until the engine is ready, or that it spends `elsewhere`, in milliseconds.
 */
export function metered(
  engine: SessionEngine,
  { threads = availableParallelism(), device = 'cpu' }: Pick<ComputeOptions, 'threads' | 'device'> = {},
): { readonly engine: TokenEngine; throughput(): Throughput | null } {
  const parts: Part[] = [];
  return {
    engine: {
      maxLength: engine.maxLength,
      generate: (prompts, options) => engine.generate(prompts, options),
      async score(items, work) {
        await engine.ready();
        const elsewhere = () => engine.elsewhere?.() ?? 0;
        const started = performance.now() - elsewhere();
        const scores = await engine.score(items, work);
        parts.push({
          tokens: items.reduce((sum, { ids }) => sum + ids.length, 0),
          seconds: (performance.now() - elsewhere() - started) / 1000,
        });
        return scores;
      },
    },
    throughput() {
      const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
      if (tokens === 0) return null;
      const processor = cpus()[0]?.model.trim() || process.arch;
      const part = device === 'cpu' ? `${threads} ${threads === 1 ? 'thread' : 'threads'}` : device;
      const tokensPerSecond = tokens / parts.reduce((sum, { seconds }) => sum + seconds, 0);
      const error = speedError(parts);
      return { tokensPerSecond, error, machine: `${processor}, ${part}` };
    },
  };
}

/** Sequences that were scored together. */
interface Part {
  readonly tokens: number;
  readonly seconds: number;
}

/**
 * The standard error of tokens per second over parts that were timed one by one: that of a ratio of sums (Cochran, Sampling
 * Techniques, 1977, section 6.4), from how far each part's time is from what its tokens take on average.
 */
export function speedError(parts: readonly Part[]): number | null {
  if (parts.length < 2) return null;
  const sum = (value: (part: Part) => number) => parts.reduce((total, part) => total + value(part), 0);
  const [tokens, seconds] = [sum((part) => part.tokens), sum((part) => part.seconds)];
  const speed = tokens / seconds;
  const squares = sum((part) => (part.tokens - speed * part.seconds) ** 2);
  return Math.sqrt((squares * parts.length) / (parts.length - 1)) / seconds;
}
