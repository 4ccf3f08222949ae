import type { Model } from '@moepress/core';
import { Engine, traceModel } from '@moepress/runtime';
import { toyTexts } from './open-toys.js';

const engines = new Map<string, Engine>();

/** Engines are shared by all checks of a process, and go with it. */
function engineOf(name: string, options: ConstructorParameters<typeof Engine>[0]): Engine {
  const engine = engines.get(name) ?? new Engine(options);
  engines.set(name, engine);
  return engine;
}

/** One worker, whole batches. */
export const usualEngine = (): Engine => engineOf('usual', { workers: 1, threads: 1 });

/** Two workers, and as few tokens in a batch as there can be. */
export const splittingEngine = (): Engine => engineOf('splitting', { workers: 2, threads: 2, tokens: 8 });

/** Ends the workers; a check that runs afterwards starts others. */
export async function closeEngines(): Promise<void> {
  const open = [...engines.values()];
  engines.clear();
  await Promise.all(open.map((engine) => engine.dispose()));
}

/** The logits of a model on the texts of toys, sequence after sequence. */
export async function logitsOf(model: Model, engine = usualEngine()): Promise<Float32Array[]> {
  const traces = await traceModel(engine, model, toyTexts.sequences);
  return traces.map(({ logits }) => logits.data as Float32Array);
}
