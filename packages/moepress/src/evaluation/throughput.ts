import { availableParallelism, cpus } from 'node:os';
import type { TokenEngine } from '@moepress/harness';
import type { ComputeOptions } from '../options.js';
import type { SessionEngine } from './session-engine.js';

/** How fast a model was scored, and where. */
export interface Throughput {
  /** Tokens of the scored sequences, those included that requests share. */
  readonly tokensPerSecond: number;
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
  let [tokens, milliseconds] = [0, 0];
  return {
    engine: {
      maxLength: engine.maxLength,
      generate: (prompts, options) => engine.generate(prompts, options),
      async score(items, work) {
        await engine.ready();
        const elsewhere = () => engine.elsewhere?.() ?? 0;
        const started = performance.now() - elsewhere();
        const scores = await engine.score(items, work);
        milliseconds += performance.now() - elsewhere() - started;
        tokens += items.reduce((sum, { ids }) => sum + ids.length, 0);
        return scores;
      },
    },
    throughput() {
      if (tokens === 0) return null;
      const processor = cpus()[0]?.model.trim() || process.arch;
      const part = device === 'cpu' ? `${threads} ${threads === 1 ? 'thread' : 'threads'}` : device;
      return { tokensPerSecond: tokens / (milliseconds / 1000), machine: `${processor}, ${part}` };
    },
  };
}
