import { type Model, MoepressError, measure, type Work } from '@moepress/core';
import type { DeviceOptions } from './devices/device.js';
import { defaultGpuMemory, weightShare } from './devices/memory.js';
import { startDevice } from './devices/start.js';
import { Engine, type EngineOptions } from './engine/engine.js';
import { carriedMemory, machineMemory } from './engine/machine-memory.js';
import { type BlockSessions, streamedBlocks } from './forward/blocks.js';
import { ResidentBlocks } from './forward/resident.js';
import { type Score, type ScoreItem, scoreSequences, sumScores, type TokenScore } from './forward/score.js';
import { type Trace, traceSequences } from './forward/trace.js';
import { generateCached } from './generate/cached.js';
import type { GenerateOptions } from './generate/options.js';
import { generateStreamed } from './generate/streamed.js';

/** `resident` maps all blocks at once, `streamed` one at a time; `auto` goes by the memory of the machine or device. */
export type Residency = 'auto' | 'resident' | 'streamed';

export interface RunnerOptions extends Omit<EngineOptions, 'device'>, DeviceOptions, Work {
  readonly residency?: Residency;
}

/** A share of the memory that mapped weights may fill before the page cache starts to thrash. */
const residentShare = 0.6;

const fitsMachine = (model: Model): boolean => measure(model).total.bytes < machineMemory() * residentShare;

/** On a device weights stand in the precision they are multiplied in, and the head twice: for scores and for tokens. */
function fitsDevice(model: Model, { precision, gpuMemory = defaultGpuMemory }: RunnerOptions): boolean {
  const { vocabSize, hiddenSize } = model.config;
  const head = vocabSize * hiddenSize;
  const bytes = measure(model).total.parameters * (precision === 'float16' ? 2 : 4) + 8 * head;
  return bytes < gpuMemory * weightShare;
}

/** A model ready to score, generate and trace. Dispose of it when done. */
export class ModelRunner {
  readonly #engine: Engine;
  readonly #model: Model;
  readonly #resident: ResidentBlocks | null;

  private constructor(engine: Engine, model: Model, resident: ResidentBlocks | null) {
    this.#engine = engine;
    this.#model = model;
    this.#resident = resident;
  }

  /** Throws `ENGINE_FAILED` if a device that was named does not start. */
  static async open(model: Model, options: RunnerOptions = {}): Promise<ModelRunner> {
    const { residency = 'auto' } = options;
    const device = await startDevice(options.device ?? 'cpu', options);
    const fits = device === 'cpu' ? fitsMachine(model) : fitsDevice(model, options);
    const engine = new Engine({ ...options, device });
    try {
      const resident = residency === 'resident' || (residency === 'auto' && fits);
      return new ModelRunner(
        engine,
        model,
        resident ? await ResidentBlocks.open(engine, model, options) : null,
      );
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  /** Tokens of the longest sequence the model was made for. */
  get maxLength(): number {
    return this.#model.config.maxPositions;
  }

  /** Scores of whole sequences. Throws `INPUT_INVALID` for ids outside the vocabulary. */
  async score(items: readonly ScoreItem[], work: Work = {}): Promise<Score[]> {
    const tokens = await this.scoreTokens(items, work);
    return items.map((item, i) => sumScores(item, tokens[i]!));
  }

  /** See `scoreSequences`. Throws `INPUT_INVALID` for ids outside the vocabulary. */
  async scoreTokens(items: readonly ScoreItem[], work: Work = {}): Promise<TokenScore[][]> {
    this.#check(items.map(({ ids }) => ids));
    return scoreSequences(this.#engine, this.#model, this.#blocks(), items, work);
  }

  /** Greedy continuations; streamed, every token takes all blocks from the disk again, for all prompts at once. */
  async generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<number[][]> {
    this.#check(prompts);
    if (options.maxNewTokens < 1) return prompts.map(() => []);
    if (this.#resident) return generateCached(this.#engine, this.#model, this.#resident, prompts, options);
    const memory = this.#engine.traits.keepsOutputs ? this.#engine.cacheBytes : carriedMemory();
    return generateStreamed(this.#engine, this.#model, prompts, memory, options);
  }

  /** See `traceSequences`. */
  async trace(sequences: readonly (readonly number[])[], work: Work = {}): Promise<Trace[]> {
    this.#check(sequences);
    return traceSequences(this.#engine, this.#model, this.#blocks(), sequences, work);
  }

  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  #blocks(): BlockSessions {
    return this.#resident ?? streamedBlocks(this.#engine, this.#model, () => ({ routing: true }));
  }

  #check(sequences: readonly (readonly number[])[]): void {
    const { vocabSize } = this.#model.config;
    for (const ids of sequences) {
      const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
      if (wrong === undefined && ids.length > 0) continue;
      throw new MoepressError('INPUT_INVALID', {
        message:
          ids.length === 0 ? 'A sequence has no tokens.' : `Token id ${wrong} is not in 0..${vocabSize - 1}.`,
        where: 'token ids',
      });
    }
  }
}
