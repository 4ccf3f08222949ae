import { generationDefaults } from '@moepress/checkpoint';
import { type Model, MoepressError, type Work } from '@moepress/core';
import {
  type EvaluateOptions as AskOptions,
  evaluate as evaluateModel,
  findTasks,
  type PromptOptions,
  type Evaluation as ScoredTasks,
  tokenizedLanguageModel,
} from '@moepress/harness';
import { modelIdentity } from '@moepress/runtime';
import { checkNumber, invalidOption, isObject } from './check-options.js';
import { type Against, comparingEngine, resolveAgainst } from './evaluation/against.js';
import { type Backend, openServer } from './evaluation/backend.js';
import { type ChatSettings, checkChatSettings, withPrompts } from './evaluation/chat-settings.js';
import { openLocalResponses } from './evaluation/response-cache.js';
import { sessionEngine } from './evaluation/session-engine.js';
import { metered, type Throughput } from './evaluation/throughput.js';
import { openOnnxFiles } from './evaluation/transformers-js-backend.js';
import { checkChosen } from './files/output.js';
import { useTasks } from './methods/use-plugins.js';
import { tokenizerOf } from './models/companions.js';
import { type DataOptions, datasetsIn } from './models/model-data.js';
import { type ModelInput, type ModelOptions, resolveModel } from './models/open-model.js';
import { type CacheOption, type WorkOptions, workOf } from './options.js';
import type { PlanInput } from './plans/plan-file.js';
import { type ModelSession, type SessionOption, type SessionOptions, withSession } from './session.js';

/** The questions, for any model. */
export interface Questions extends Pick<DataOptions, 'data'> {
  /** Names, patterns (`arc_*`), tags and task files, or tasks of your own from `defineTask`. */
  readonly tasks: AskOptions['tasks'];
  /** A folder of task files of lm-evaluation-harness, whose tasks come before those that are known by name. */
  readonly includePath?: string | undefined;
  /** Only the first documents of each task: a number of them, or a fraction if below 1. */
  readonly limit?: number | undefined;
  /** Examples before each question instead of each task's own number. */
  readonly numFewshot?: number | undefined;
}

export interface EvaluateOptions
  extends Questions,
    ChatSettings,
    SessionOptions,
    SessionOption,
    ModelOptions,
    WorkOptions {
  /** Evaluates the model as this plan changes it. */
  readonly plan?: PlanInput | undefined;
  /**
   * Compares the model's distributions with those of this one, the original, on the tokens of the tasks: a model, or a
   * plan for the same base. The original is streamed block by block.
   */
  readonly against?: Against | undefined;
  /** Arguments of generation, such as `{ do_sample: true, temperature: 0.6, top_p: 0.95 }`, added to each task's own. */
  readonly genKwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Seed of tokens that are drawn; 1234 by default. */
  readonly seed?: number | undefined;
  /**
   * Runs programs that the model writes, for tasks such as humaneval: in namespaces of their own without network and
   * without files but the system's, on Linux.
   */
  readonly confirmRunUnsafeCode?: boolean | undefined;
  /** Puts a beginning-of-sequence token before every text; by default as the tokenizer does. */
  readonly addBos?: boolean | undefined;
  /** Who runs the model; our own runtime by default. */
  readonly backend?: Backend | undefined;
  /**
   * Of `responses` here: what the model answers to which question. By default kept for models that run here alone, since
   * nobody can tell when a server gets other weights.
   */
  readonly cache?: CacheOption | undefined;
}

/** The result of an evaluation: the record in lm-evaluation-harness' schema, and the samples. */
export interface Evaluation extends ScoredTasks {
  /** The speed of computing log-likelihoods; null where none was computed, or not here. */
  readonly throughput: Throughput | null;
}

/**
 * Scores a model on tasks as lm-evaluation-harness does. Throws `TASK_UNKNOWN`, `TASK_INVALID`, `TASK_UNSUPPORTED`,
 * `DATASET_NOT_FOUND`, `DATASET_INVALID`, `INPUT_INVALID` for options that do not suit the tasks, the model or the
 * backend, `CHAT_TEMPLATE_FAILED`, `CHECKPOINT_CHANGED`, what `openModel` and
 * `openSession` throw, and `SERVER_FAILED` for a server.
 */
export async function evaluate(model: ModelInput, options: EvaluateOptions): Promise<Evaluation> {
  const { backend = { kind: 'local' }, cache } = options;
  const work = workOf(options);
  if (!Array.isArray(options.tasks) || options.tasks.length === 0) {
    throw invalidOption({ where: 'tasks', value: options.tasks }, 'a list of at least one task');
  }
  await useTasks(options.tasks, options);
  const tasks = await findTasks(options.tasks, { includePath: options.includePath, signal: work.signal });
  const questions = { ...options, tasks };
  checkChatSettings(options);
  checkNumber({ where: 'seed', value: options.seed }, 0);
  checkArguments(options);
  checkBackend(backend, options);
  await checkChosen(cache, 'responses');
  if (backend.kind === 'local') {
    const opened = await resolveModel(model, options);
    const { against, revision, signal, onProgress } = options;
    const original =
      against === undefined
        ? undefined
        : await resolveAgainst(against, model, { revision, signal, onProgress });
    return withPrompts(opened, options, (prompts) =>
      withSession(opened, options, (session) =>
        evaluateSession(session, { ...questions, prompts, original }, work),
      ),
    );
  }
  const asked = await (backend.kind === 'server'
    ? openServer(model, backend, options)
    : openOnnxFiles(model, backend, options));
  try {
    const store = await asked.openResponses?.();
    const evaluation = await withPrompts(model, options, (prompts) =>
      evaluateModel({ ...asking(questions), ...prompts, ...asked, cache: store, work }),
    );
    return { ...evaluation, throughput: null };
  } finally {
    await asked.close?.();
  }
}

async function evaluateSession(
  session: ModelSession,
  {
    addBos,
    cache,
    original,
    precision = 'float32',
    prompts,
    thinkEndToken,
    threads,
    ...questions
  }: EvaluateOptions & { readonly prompts: PromptOptions; readonly original: Model | undefined },
  work: Work,
): Promise<Evaluation> {
  const { model, device } = session;
  const computing = original ? comparingEngine(session, original) : sessionEngine(session);
  const { engine, throughput } = metered(computing, { threads, device });
  const asked = tokenizedLanguageModel({
    tokenizer: await tokenizerOf(model),
    engine,
    name: model.id,
    against: original?.id,
    addBos: addBos ?? null,
    thinkEndToken,
    eosTokenIds: model.config.eosTokenIds,
    ownLimit: () => generationDefaults(model).maxNewTokens,
  });
  // Devices round in ways of their own: their responses are kept apart.
  const rounding = device === 'cpu' ? {} : { device, precision };
  const compared = original && { against: (await modelIdentity(original, work)).hash };
  const generating = await session.generationFacts(work);
  const settings = { ...asked.settings, ...rounding, ...compared, ...generating };
  const store = await openLocalResponses(cache, model, settings, work);
  const evaluation = await evaluateModel({
    ...asking(questions),
    ...prompts,
    model: { ...asked, settings: { ...asked.settings, ...generating } },
    cache: store,
    work,
  });
  return { ...evaluation, throughput: throughput() };
}

/** What of the options is asked. */
export const asking = ({
  tasks,
  limit,
  numFewshot,
  data,
  genKwargs,
  seed,
  confirmRunUnsafeCode,
}: Omit<EvaluateOptions, 'cache'>): Omit<AskOptions, 'model'> => ({
  confirmRunUnsafeCode,
  tasks,
  limit,
  numFewshot,
  genKwargs,
  seed,
  data: datasetsIn(data),
});

function checkArguments({ genKwargs }: EvaluateOptions): void {
  if (genKwargs === undefined || (isObject(genKwargs) && !Array.isArray(genKwargs))) return;
  throw invalidOption({ where: 'genKwargs', value: genKwargs }, 'an object of arguments');
}

/** Options that only our own runtime takes. */
const ownOptions = [
  'against',
  'plan',
  'session',
  'device',
  'precision',
  'gpuMemory',
  'memory',
  'threads',
  'residency',
  'engine',
  'engineSequences',
] as const satisfies readonly (keyof EvaluateOptions)[];

function checkBackend({ kind }: Backend, options: EvaluateOptions): void {
  if (kind === 'local') return;
  const bound = kind === 'server' ? ([...ownOptions, 'addBos'] as const) : ownOptions;
  const wrong = bound.find((name) => options[name] !== undefined);
  if (!wrong) return;
  throw new MoepressError('INPUT_INVALID', {
    message: `\`${wrong}\` is for a model that moepress runs.`,
    where: wrong,
    hint: `Let moepress run the model, or leave out \`${wrong}\`.`,
  });
}
