import {
  type CalibrationSet,
  type Evidence,
  type GenerateOptions,
  type Model,
  MoepressError,
  type SequenceScore,
  type Statistic,
  type TokenSequence,
  type Work,
} from '@moepress/core';
import {
  type ComparedToken,
  type ComparingWork,
  calibrate,
  type Device,
  deviceChoices,
  Engine,
  ModelRunner,
  type Residency,
  startDevice,
  type Trace,
  Turns,
} from '@moepress/runtime';
import { checkChoice, checkList, checkNumber, invalidOption, isObject } from './check-options.js';
import { checkGeneration, type GenerationOptions } from './generation/engine-options.js';
import { LlamaGenerator } from './generation/llama-generator.js';
import { type ModelInput, type ModelOptions, resolveModel } from './models/open-model.js';
import { type ComputeOptions, type WorkOptions, workOf } from './options.js';
import type { PlanInput } from './plans/plan-file.js';

export interface SessionOptions extends ComputeOptions, GenerationOptions {
  /** How much of the model is mapped at once; `auto` goes by the memory of the machine or device. */
  readonly residency?: Residency | undefined;
  /** Bytes that the process takes without this model: what it takes when it opens by default. */
  readonly idle?: number | undefined;
}

/**
 * A model on a device: scores, generates, traces and is measured. Engines start when they are first needed and run until
 * the session closes. After that every call throws `SESSION_CLOSED`.
 */
export class ModelSession {
  readonly model: Model;
  /** Where it computes: of `auto`, the device that started. */
  readonly device: Device;
  readonly #options: Defined<SessionOptions>;
  #engine: Engine | undefined;
  #runner: Promise<ModelRunner> | undefined;
  readonly #llama: LlamaGenerator | null;
  /** Its two engines take turns, so that the memory that each may take is there. */
  readonly #turns = new Turns();
  /** Calls that have been made and are not done. */
  readonly #calls = new Set<Promise<unknown>>();
  #isClosed = false;

  /** `device` has started. */
  constructor(model: Model, device: Device, options: SessionOptions) {
    this.model = model;
    this.device = device;
    this.#options = definedOnly({ ...options, device });
    const { engine, engineSequences: sequences, threads } = options;
    this.#llama = engine === 'llama-cpp' ? new LlamaGenerator(model, { sequences, threads }) : null;
  }

  /** Tokens of the longest sequence the model was made for. */
  get maxLength(): number {
    return this.model.config.maxPositions;
  }

  /** The engine that measures and that methods try their decisions out on. */
  get engine(): Engine {
    this.#checkOpen();
    this.#engine ??= new Engine({ ...this.#options, device: this.device, turns: this.#turns });
    return this.#engine;
  }

  /** Opens the model for scoring and generating. Throws `ENGINE_FAILED` and `MEMORY_EXCEEDED`. */
  async ready(): Promise<ModelRunner> {
    this.#checkOpen();
    const options = { ...this.#options, device: this.device, turns: this.#turns };
    this.#runner ??= ModelRunner.open(this.model, options).catch((error) => {
      // What there was too little memory for may be there the next time.
      this.#runner = undefined;
      throw error;
    });
    return this.#runner;
  }

  /** Log-likelihoods of whole sequences of token ids. Throws `INPUT_INVALID` for ids outside the vocabulary. */
  async score(items: readonly TokenSequence[], work: Work = {}): Promise<SequenceScore[]> {
    checkList({ where: 'items', value: items }, 'a list of token sequences', isSequence);
    return this.#call((runner) => runner.score(items, work));
  }

  /**
   * Each scored token of whole sequences, and how far the model's distribution there is from that of `original`, which is
   * streamed block by block on the same engine. Throws `INPUT_INVALID` for ids outside the vocabulary and another one.
   */
  async compareTokens(
    original: Model,
    items: readonly TokenSequence[],
    work: ComparingWork = {},
  ): Promise<ComparedToken[][]> {
    checkList({ where: 'items', value: items }, 'a list of token sequences', isSequence);
    return this.#call((runner) => runner.compareTokens(original, items, work));
  }

  /** Ids that continue each prompt, greedy unless the options choose otherwise. Throws `INPUT_INVALID` likewise. */
  async generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<number[][]> {
    checkList({ where: 'prompts', value: prompts }, 'a list of lists of token ids', Array.isArray);
    checkGenerating(options);
    return this.hold(async () => {
      if (this.#llama?.takes(options)) return this.#llama.generate(prompts, options);
      return (await this.ready()).generate(prompts, options);
    });
  }

  /**
   * What results should say of who generates texts; nothing where that is our own runtime. Throws `LLAMA_CPP_MISSING`,
   * `LLAMA_CPP_FAILED`, and what exporting the model throws.
   */
  async generationFacts(work: Work = {}): Promise<Readonly<Record<string, string | number>>> {
    return this.hold(async () => (await this.#llama?.facts(work)) ?? {});
  }

  /** Hidden states, routing and logits of each sequence. Throws `INPUT_INVALID` likewise. */
  async trace(sequences: readonly (readonly number[])[], work: Work = {}): Promise<Trace[]> {
    checkList({ where: 'sequences', value: sequences }, 'a list of lists of token ids', Array.isArray);
    return this.#call((runner) => runner.trace(sequences, work));
  }

  /** Sums of the statistics over a calibration set. Throws `CALIBRATION_INVALID` for a set without tokens. */
  async calibrate(set: CalibrationSet, statistics: readonly Statistic[], work: Work = {}): Promise<Evidence> {
    checkList({ where: 'set', value: set?.sequences }, 'a set with a list of `sequences`', Array.isArray);
    checkList({ where: 'statistics', value: statistics }, 'a list of statistics', isObject);
    return this.hold(() => calibrate(this.engine, { model: this.model, set, statistics, ...work }));
  }

  /** Does work of several calls; a session that is closed meanwhile stays open until it is done. */
  async hold<Result>(use: () => Promise<Result>): Promise<Result> {
    this.#checkOpen();
    const call = use();
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Waits for the calls that have been made, and for what these call, and frees everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
    const runner = await this.#runner?.catch(() => undefined);
    await Promise.all([runner?.dispose(), this.#engine?.dispose(), this.#llama?.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #call<Result>(use: (runner: ModelRunner) => Promise<Result>): Promise<Result> {
    return this.hold(async () => use(await this.ready()));
  }

  #checkOpen(): void {
    if (!this.#isClosed || this.#calls.size > 0) return;
    throw new MoepressError('SESSION_CLOSED', { message: `The session of ${this.model.id} is closed.` });
  }
}

const isSequence = (item: unknown): boolean =>
  isObject(item) && 'ids' in item && Array.isArray(item.ids) && 'from' in item && Number.isInteger(item.from);

/** Throws `INPUT_INVALID` for options that nothing can be generated by. */
function checkGenerating(options: GenerateOptions): void {
  if (!isObject(options)) throw invalidOption({ where: 'options', value: options }, 'an object');
  const { maxNewTokens, eosTokenIds } = options;
  checkNumber({ where: 'maxNewTokens', value: maxNewTokens ?? null }, 0);
  checkList({ where: 'eosTokenIds', value: eosTokenIds }, 'a list of token ids', Number.isInteger);
}

type Defined<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };

/** The options that are given: one that is undefined would hide a default. */
const definedOnly = <Options extends object>(options: Options): Defined<Options> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<Options>;

export interface OpenSessionOptions extends SessionOptions, ModelOptions, WorkOptions {
  readonly plan?: PlanInput | undefined;
}

/**
 * Opens a model on a device. Whoever opens a session closes it: `await using session = await openSession(...)`. Throws
 * what `openModel` throws, and `ENGINE_FAILED` if the device does not start.
 */
export async function openSession(
  model: ModelInput,
  options: OpenSessionOptions = {},
): Promise<ModelSession> {
  checkCompute(options);
  const opened = await resolveModel(model, options);
  return new ModelSession(opened, await startDevice(options.device ?? 'cpu', workOf(options)), options);
}

/** Throws `INPUT_INVALID` for a device, threads or memory that cannot be meant. */
function checkCompute({ device, threads, memory, idle, residency, ...generation }: SessionOptions): void {
  checkGeneration(generation);
  checkChoice({ where: 'device', value: device }, deviceChoices);
  checkChoice({ where: 'residency', value: residency }, ['auto', 'resident', 'streamed']);
  checkNumber({ where: 'threads', value: threads }, 1);
  checkNumber({ where: 'memory', value: memory }, 1, false);
  checkNumber({ where: 'idle', value: idle }, 0, false);
}

/** An option of functions that compute: a session of the model; without it one is opened and closed inside. */
export interface SessionOption {
  readonly session?: ModelSession | undefined;
}

/** Calls `use` with the caller's session, or with one that is closed afterwards, however `use` ends. */
export async function withSession<Result>(
  model: Model,
  { session, ...options }: SessionOption & SessionOptions & WorkOptions,
  use: (session: ModelSession) => Promise<Result>,
): Promise<Result> {
  if (session) {
    if (session.model === model) return session.hold(() => use(session));
    throw new MoepressError('INPUT_INVALID', {
      message: `The session is one of ${session.model.id}, not of ${model.id}.`,
      where: 'session',
      hint: 'Give the model of the session, or no session.',
    });
  }
  checkCompute(options);
  const device = await startDevice(options.device ?? 'cpu', workOf(options));
  const own = new ModelSession(model, device, options);
  try {
    return await use(own);
  } finally {
    await own.close();
  }
}
