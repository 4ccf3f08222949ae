import { rmdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeFolders } from '@moepress/checkpoint';
import { type Model, MoepressError, type TrainRequest, type TrainResult } from '@moepress/core';
import { runTokens } from '../devices/batch-limits.js';
import { fitting } from '../engine/arrange.js';
import type { EngineOptions } from '../engine/engine.js';
import { EngineScope } from '../engine/scope.js';
import { SessionPool } from '../engine/session-pool.js';
import { EngineWorker } from '../engine/worker.js';
import { withLock } from '../evidence/lock.js';
import type { Residency } from '../runner.js';
import { type Address, answersAddress, runAddress } from './address.js';
import { checkRequest } from './check.js';
import { Elsewhere } from './elsewhere.js';
import { Gradients } from './gradients.js';
import { takeSteps } from './loop.js';
import { besideTeacher, nextTokens, type Objective } from './objective.js';
import { Parameters } from './parameters.js';
import { RunFolder } from './run-folder.js';
import { TeacherAnswers } from './teacher-answers.js';
import { askTeacher, topTokens } from './top-tokens.js';
import { planTraining, type TrainingPlan } from './training-memory.js';

export interface TrainOptions {
  /**
   * Where runs are kept, each in a folder named by a hash of all that determines its result, and what teachers
   * were asked for them.
   */
  readonly folder: string;
  /**
   * Tokens that go through the model together: 2048 by default, fewer where memory is scarce. More take more memory, and
   * change nothing else but roundings. A run that goes on has those it began with, if they fit.
   */
  readonly tokens?: number;
  /** Bytes of anonymous memory that the process may take; half of what the machine has left by default. */
  readonly memory?: number | undefined;
  /**
   * Whether all blocks stay open, or one at a time is opened, as often as it is needed; by default the first if it fits
   * into the memory.
   */
  readonly residency?: Residency;
  /** Seconds of training between two states on disk, 30 by default, and at least twenty times what saving takes. */
  readonly saveEvery?: number;
  /**
   * Told why nothing more can be kept in the folder, after which training goes on without; absent: that ends it, and it
   * can be gone on with.
   */
  readonly giveUp?: ((error: MoepressError) => void) | undefined;
}

/**
 * Trains some tensors of a model. A run that was killed or stopped goes on where it last saved its state,
 * with the same bits if it has as many threads; one that is complete is not run again. Throws `INPUT_INVALID`
 * or `PLAN_INVALID` for what cannot be trained, `WEIGHTS_NOT_FINITE` when it diverges, `ABORTED`, `DISK_FULL`,
 * `MEMORY_EXCEEDED` before anything is computed, and `WRITE_FAILED`, also if another process is at this run;
 * `CHECKPOINT_CHANGED` when weights change meanwhile.
 */
export async function train(
  engine: Pick<EngineOptions, 'threads'>,
  request: TrainRequest,
  options: TrainOptions,
): Promise<TrainResult> {
  checkRequest(request);
  const address = await runAddress(request);
  const folder = join(options.folder, address.name);
  let isBegun = false;
  try {
    return await withLock(folder, (taken) => {
      isBegun = true;
      if (taken !== 'ours') throw notOurs(taken, request.name, folder);
      return trainIn(folder, address, { engine, request, options });
    });
  } catch (error) {
    if (isBegun) throw error;
    const instead = await new Elsewhere(options.giveUp).instead(error);
    const own = join(instead, address.name);
    await makeFolders(own);
    return await trainIn(own, address, { engine, request, options: { ...options, folder: instead } });
  } finally {
    // Of a run that is refused nothing stays.
    await rmdir(folder).catch(() => {});
  }
}

async function trainIn(
  folder: string,
  address: Address,
  {
    engine,
    request,
    options,
  }: {
    readonly engine: Pick<EngineOptions, 'threads'>;
    readonly request: TrainRequest;
    readonly options: TrainOptions;
  },
): Promise<TrainResult> {
  const worker = new EngineWorker(engine.threads ?? availableParallelism());
  const scope = new EngineScope([worker]);
  try {
    const parameters = new Parameters(scope, request.model, request.trainable);
    const elsewhere = new Elsewhere(options.giveUp);
    const { checkUnchanged } = address;
    const run = new RunFolder(folder, parameters, { checkUnchanged, elsewhere });
    const earlier = await run.result();
    if (earlier) return earlier;
    const { tokens, resident, predicted } = await planned(request, parameters, run, options);
    const { saveEvery = 30 } = options;
    request.progress?.({ type: 'memory', predicted: Math.round(predicted) });
    const sessions = new SessionPool(scope, { keepsOpen: resident });
    const objective = await objectiveOf(request, parameters.view, sessions, {
      folder: options.folder,
      tokens,
      giveUp: options.giveUp,
    });
    const gradients = new Gradients(sessions, parameters, objective);
    const curve = await takeSteps(request, { gradients, parameters, run, tokens, saveEvery });
    return await run.finish(curve);
  } finally {
    await worker.dispose();
  }
}

function notOurs(taken: 'busy' | 'none', name: string, where: string): MoepressError {
  if (taken === 'busy') {
    return new MoepressError('WRITE_FAILED', {
      message: `Another process is training ${name}.`,
      where,
      hint: 'Wait for it: its result will be used.',
    });
  }
  return new MoepressError('WRITE_FAILED', {
    message:
      'The disk does not support file locks, so it cannot be checked whether another process is working on this training run.',
    where,
    hint: 'Give `cache.training`, a folder on a disk that supports file locks, such as a local disk.',
  });
}

/** What goes on with other tokens has other roundings, so those of the earlier run are tried first. */
async function planned(
  request: TrainRequest,
  parameters: Parameters,
  run: RunFolder,
  { tokens, memory, residency = 'auto' }: TrainOptions,
): Promise<TrainingPlan> {
  const residencies = residency === 'auto' ? [true, false] : [residency === 'resident'];
  const plan = (sizes: readonly number[]) =>
    planTraining(request, parameters, { memory, sizes, residencies });
  const resumed = await run.tokens();
  return (resumed && fitting(() => plan([resumed]))) || plan(tokens === undefined ? runTokens : [tokens]);
}

async function objectiveOf(
  { loss, sequences, validation, progress, signal }: TrainRequest,
  student: Model,
  sessions: SessionPool,
  {
    folder,
    tokens,
    giveUp,
  }: { readonly folder: string; readonly tokens: number; readonly giveUp: TrainOptions['giveUp'] },
): Promise<Objective> {
  if (loss.kind === 'cross-entropy') return nextTokens(student);
  if (loss.topLogits === null) return besideTeacher(sessions, student, loss);
  const all = [...sequences, ...validation];
  const n = Math.min(loss.topLogits, student.config.vocabSize);
  const { name, checkUnchanged } = await answersAddress(loss, all, { progress, signal });
  const answers = await TeacherAnswers.open(join(folder, name), all, n, new Elsewhere(giveUp));
  await askTeacher(sessions, loss, { n, answers, tokens, checkUnchanged, progress, signal });
  return topTokens(student, n, loss, answers);
}
