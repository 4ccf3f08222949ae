import { availableParallelism, cpus } from 'node:os';
import type { TokenEngine } from '@moepress/harness';
import type { ComputeOptions } from '../options.js';
import type { SessionEngine } from './session-engine.js';

/** How fast a model was scored, and where. */
export interface Throughput {
  /** Tokens of the scored sequences, those included that requests share. */
  readonly tokensPerSecond: number;
  /** Standard deviation among the parts that were timed one by one, each as many tokens as it has; null of a single part. */
  readonly deviation: number | null;
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
      const deviation = deviationOf(parts, tokensPerSecond);
      return { tokensPerSecond, deviation, machine: `${processor}, ${part}` };
    },
  };
}

/** Sequences that were scored together. */
interface Part {
  readonly tokens: number;
  readonly seconds: number;
}

/** Of the speeds of parts around that of all, each weighted by its tokens. */
export function deviationOf(parts: readonly Part[], speed: number): number | null {
  const timed = parts.filter(({ tokens, seconds }) => tokens > 0 && seconds > 0);
  if (timed.length < 2) return null;
  const tokens = timed.reduce((sum, part) => sum + part.tokens, 0);
  const squares = timed.reduce(
    (sum, part) => sum + part.tokens * (part.tokens / part.seconds - speed) ** 2,
    0,
  );
  return Math.sqrt((squares / tokens) * (timed.length / (timed.length - 1)));
}
