import { availableParallelism } from 'node:os';
import { generationDefaults } from '@moepress/checkpoint';
import {
  isRecurrent,
  type Model,
  MoepressError,
  measure,
  type SequenceScore,
  type TokenSequence,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import type { DeviceOptions } from './devices/device.js';
import { defaultGpuMemory, weightShare } from './devices/gpu-memory.js';
import { traitsOf } from './devices/traits.js';
import { Engine, type EngineOptions } from './engine/engine.js';
import type { EngineScope } from './engine/scope.js';
import { SessionPool } from './engine/session-pool.js';
import { startDevice } from './engine/start-device.js';
import { planInference } from './footprint/inference-plan.js';
import { type ComparedToken, type ComparingWork, compareSequences } from './forward/divergence.js';
import { blockName, graphOf, type ModelRun } from './forward/model-run.js';
import { scoreSequences, sumScores, type TokenScore } from './forward/score.js';
import { type Trace, traceSequences } from './forward/trace.js';
import { ResidentDecoder } from './generate/decoder.js';
import type { SamplingOptions } from './generate/decoding.js';
import { DividedDecoder } from './generate/divided-decoder.js';
import { FewDecoder } from './generate/few-decoder.js';
import { generate } from './generate/generate.js';
import { generatePadded } from './generate/padded/padded-resident.js';
import { generatePaddedStreamed } from './generate/padded/padded-streamed.js';
import { byRules } from './generate/rules.js';
import { machineMemory } from './memory/available.js';
import { refuseLonger } from './tokens/longest-sequence.js';

/** `resident` maps all blocks at once, `streamed` one at a time; `auto` goes by the memory of the machine or device. */
export type Residency = 'auto' | 'resident' | 'streamed';

export interface RunnerOptions extends Omit<EngineOptions, 'device'>, DeviceOptions, Work {
  readonly residency?: Residency;
  /**
   * Bytes of anonymous memory that the process may take where the processor computes: half of what the machine has left
   * by default. What does not fit goes in smaller runs, then in fewer workers, then through one block at a time.
   */
  readonly memory?: number | undefined;
  /**
   * Bytes that the process takes without this model: by default what it takes now. Other models that run at the same
   * time may be included.
   */
  readonly idle?: number | undefined;
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

/** Throws `CONFIG_UNSUPPORTED` for recurrent blocks, whose states are not kept on devices. */
function refuseRecurrence({ id, blocks }: Model): void {
  if (!blocks.some(isRecurrent)) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: 'A model with a recurrence generates text on the processor alone.',
    where: id,
    hint: 'Generate with the device cpu.',
  });
}

/** How the CPU runs a model within the memory it may take. */
function planned(
  model: Model,
  { memory, idle, threads, workers, tokens }: RunnerOptions,
  residencies: readonly boolean[],
) {
  const most = workers ?? Math.min(traitsOf.cpu.workers, threads ?? availableParallelism());
  return planInference(model, { memory, idle, workers: most, tokens, residencies });
}

/**
 * A model ready to score, generate and trace. Dispose of it when done. Calls that overlap take turns in the order in which
 * they were made, so each gives what it gives alone; one that waits and is aborted leaves the others alone. After
 * `dispose`, which waits for the calls that were made before it, every call throws `SESSION_CLOSED`.
 */
export class ModelRunner {
  readonly #engine: Engine;
  readonly #model: Model;
  /** Sessions that stay open, where all blocks do; null: each block is opened when a call comes to it. */
  readonly #resident: SessionPool | null;
  #decoder: Promise<ResidentDecoder> | undefined;
  #divided: Promise<DividedDecoder> | undefined;
  #few: Promise<FewDecoder | null> | undefined;

  private constructor(engine: Engine, model: Model, resident: SessionPool | null) {
    this.#engine = engine;
    this.#model = model;
    this.#resident = resident;
  }

  /**
   * Throws `ENGINE_FAILED` if a device that was named does not start, `MEMORY_EXCEEDED` if the processor cannot run the
   * model in the memory it may take.
   */
  static async open(model: Model, options: RunnerOptions = {}): Promise<ModelRunner> {
    const { residency = 'auto' } = options;
    const device = await startDevice(options.device ?? 'cpu', options);
    const fits = device === 'cpu' ? fitsMachine(model) : fitsDevice(model, options);
    const wanted = residency === 'auto' ? (fits ? [true, false] : [false]) : [residency === 'resident'];
    const plan = device === 'cpu' ? planned(model, options, wanted) : null;
    // The plan takes no more of these than it is asked to, and may have to take less.
    const chosen = plan && { workers: plan.workers, tokens: plan.tokens, memory: plan.memory };
    const engine = new Engine({ ...plan, ...options, ...chosen, device });
    const resident = plan ? plan.resident : wanted[0]!;
    const sessions = resident ? new SessionPool(engine.scope(), { keepsOpen: true }) : null;
    const runner = new ModelRunner(engine, model, sessions);
    try {
      if (sessions) await runner.#openBlocks(sessions, options);
      return runner;
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
  async score(items: readonly TokenSequence[], work: Work = {}): Promise<SequenceScore[]> {
    const tokens = await this.scoreTokens(items, work);
    return items.map((item, i) => sumScores(item, tokens[i]!));
  }

  /** See `scoreSequences`. Throws `INPUT_INVALID` for ids outside the vocabulary. */
  async scoreTokens(items: readonly TokenSequence[], work: Work = {}): Promise<TokenScore[][]> {
    this.#check(items.map(({ ids }) => ids));
    return this.#call((run) => scoreSequences(run, items, work), work);
  }

  /**
   * Continuations, greedy without a `chooser`, by the rules of the checkpoint's generation_config.json; streamed, every
   * token takes all blocks from the disk again, for all prompts at once. Throws `CONFIG_UNSUPPORTED` for rules that are
   * not implemented, `INPUT_INVALID` for ids outside the vocabulary.
   */
  async generate(prompts: readonly (readonly number[])[], asked: SamplingOptions): Promise<number[][]> {
    this.#check(prompts, Math.max(0, asked.maxNewTokens - 1));
    if (asked.maxNewTokens < 1) return prompts.map(() => []);
    const { rules } = generationDefaults(this.#model);
    const options = rules
      ? { ...asked, chooser: byRules(rules, prompts, this.#model.config.eosTokenIds, asked.chooser) }
      : asked;
    const { traits, cacheBytes: memory } = this.#engine;
    return this.#call(async (run) => {
      if (traits.attention === 'tree') {
        const resident = this.#resident;
        const openDecoder = resident && (() => this.#openDecoder(resident, asked));
        const openFew = (isWorthOpening: boolean) => this.#openFew(isWorthOpening);
        const openDivided = resident && (() => this.#openDivided(resident, asked));
        return generate({ run, prompts, openDecoder, openDivided, openFew, memory }, options);
      }
      refuseRecurrence(this.#model);
      return (this.#resident ? generatePadded : generatePaddedStreamed)(run, prompts, memory, options);
    }, asked);
  }

  /**
   * See `compareSequences`: the original, which computes on the same engine, is streamed block by block. Throws
   * `INPUT_INVALID` for ids outside the vocabulary, and for an original with another one.
   */
  async compareTokens(
    original: Model,
    items: readonly TokenSequence[],
    work: ComparingWork = {},
  ): Promise<ComparedToken[][]> {
    this.#check(items.map(({ ids }) => ids));
    const [own, other] = [this.#model.config.vocabSize, original.config.vocabSize];
    if (own !== other) {
      throw new MoepressError('INPUT_INVALID', {
        message: `${this.#model.id} has a vocabulary of ${own} tokens and ${original.id} one of ${other}: their distributions cannot be compared.`,
        where: 'against',
      });
    }
    return this.#call((run) => {
      const sessions = new SessionPool(run.scope, { keepsOpen: false });
      const beside = { ...this.#runIn(run.scope, sessions), model: original };
      return compareSequences(run, beside, items, work);
    }, work);
  }

  /** See `traceSequences`. */
  async trace(sequences: readonly (readonly number[])[], work: Work = {}): Promise<Trace[]> {
    this.#check(sequences);
    return this.#call((run) => traceSequences(run, sequences, work), work);
  }

  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Calls `use` when it is its turn; what it opens and stores is closed and freed afterwards. */
  #call<R>(use: (run: ModelRun) => Promise<R>, { signal }: Pick<Work, 'signal'>): Promise<R> {
    return this.#engine.turn(() => this.#engine.inScope((scope) => use(this.#runIn(scope))), signal);
  }

  #runIn(scope: EngineScope, own?: SessionPool): ModelRun {
    const [engine, model] = [this.#engine, this.#model];
    const sessions = own ?? this.#resident ?? new SessionPool(scope, { keepsOpen: false });
    // Generation on devices has its keys and values from the blocks; sequences that are only scored share no past there.
    const cache = engine.traits.attention === 'tree' || sessions.keepsOpen;
    return { engine, model, scope, sessions, outputs: () => ({ routing: true, cache }) };
  }

  async #openBlocks(sessions: SessionPool, { signal }: Pick<Work, 'signal'>): Promise<void> {
    const run = this.#runIn(sessions.scope);
    for (const block of this.#model.blocks) {
      throwIfAborted(signal);
      await sessions.open(blockName(block), () => graphOf(run, block));
    }
  }

  /** Stays open from the first time on. */
  #openDecoder(sessions: SessionPool, work: Pick<Work, 'signal'>): Promise<ResidentDecoder> {
    this.#decoder ??= ResidentDecoder.open(sessions, this.#model, work).catch((error) => {
      this.#decoder = undefined;
      throw error;
    });
    return this.#decoder;
  }

  /** Stays open from the first time on. */
  #openDivided(sessions: SessionPool, work: Pick<Work, 'signal'>): Promise<DividedDecoder> {
    this.#divided ??= DividedDecoder.open(sessions, this.#model, this.#engine, work).catch((error) => {
      this.#divided = undefined;
      throw error;
    });
    return this.#divided;
  }

  /** Stays open from the first time that it is worth it, unless it fails. */
  async #openFew(isWorthOpening: boolean): Promise<FewDecoder | null> {
    const known = await this.#few;
    if (known?.isUsable === false) {
      this.#few = undefined;
      await known.close();
    }
    if (!this.#few && !isWorthOpening) return null;
    this.#few ??= FewDecoder.open(this.#engine, this.#model, { sessions: this.#resident }).catch((error) => {
      this.#few = undefined;
      throw error;
    });
    return this.#few;
  }

  /** `more` tokens are going to follow each sequence in the model. */
  #check(sequences: readonly (readonly number[])[], more = 0): void {
    const { vocabSize } = this.#model.config;
    const lengths = sequences.map(({ length }) => length + more);
    refuseLonger(this.#model, this.#engine.traits.attention, lengths);
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
