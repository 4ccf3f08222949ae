import type { GenerateOptions, Model, SequenceScore, TokenSequence, Work } from '@moepress/core';
import type { TokenEngine } from '@moepress/harness';
import { ModelRunner, type RunnerOptions } from '@moepress/runtime';

/** A model that opens when it is first asked: every answer may be stored. Dispose of it when done. */
export class LazyRunner implements TokenEngine {
  readonly maxLength: number;
  readonly #open: () => Promise<ModelRunner>;
  #runner: Promise<ModelRunner> | undefined;

  constructor(model: Model, options: RunnerOptions) {
    this.maxLength = model.config.maxPositions;
    this.#open = () => ModelRunner.open(model, options);
  }

  /** Opens it. Throws what `ModelRunner.open` throws. */
  ready(): Promise<ModelRunner> {
    this.#runner ??= this.#open();
    return this.#runner;
  }

  async score(items: readonly TokenSequence[], work?: Work): Promise<SequenceScore[]> {
    return (await this.ready()).score(items, work);
  }

  async generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<number[][]> {
    return (await this.ready()).generate(prompts, options);
  }

  async dispose(): Promise<void> {
    const runner = await this.#runner?.catch(() => undefined);
    await runner?.dispose();
  }
}
