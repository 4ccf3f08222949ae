import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Model, MoepressError, type TrainRequest, type TrainResult } from '@moepress/core';
import type { EngineOptions } from '../engine/engine.js';
import { carriedMemory } from '../engine/machine-memory.js';
import { EngineWorker } from '../engine/worker.js';
import { withLock } from '../evidence/lock.js';
import { answersAddress, runAddress } from './address.js';
import { besideTeacher } from './beside-teacher.js';
import { checkRequest } from './check.js';
import { Gradients } from './gradients.js';
import { takeSteps } from './loop.js';
import { nextTokens, type Objective } from './objective.js';
import { Parameters } from './parameters.js';
import { RunFolder } from './run-folder.js';
import { activationBytes, Sessions } from './sessions.js';
import { TeacherAnswers } from './teacher-answers.js';
import { askTeacher, topTokens } from './top-tokens.js';

export interface TrainOptions {
  /**
   * Where runs are kept, each in a folder named by a hash of all that determines its result, and what teachers
   * were asked for them.
   */
  readonly folder: string;
  /** Tokens that go through the model together, 2048 by default: more take more memory, and change nothing else. */
  readonly tokens?: number;
  /**
   * Bytes that what blocks compute with may take for the next time, a quarter of the machine's memory by default.
   * Less, and blocks are opened one at a time, as often as they are needed.
   */
  readonly memory?: number;
  /** Seconds of training between two states on disk, 30 by default, and at least twenty times what saving takes. */
  readonly saveEvery?: number;
}

/**
 * Trains some tensors of a model. A run that was killed or stopped goes on where it last saved its state,
 * with the same bits if it has as many threads; one that is complete is not run again. Throws `INPUT_INVALID`
 * or `PLAN_INVALID` for what cannot be trained, `WEIGHTS_NOT_FINITE` when it diverges, `ABORTED`, `DISK_FULL`,
 * and `WRITE_FAILED`, also if another process is at this run; `CHECKPOINT_CHANGED` when weights change meanwhile.
 */
export async function train(
  engine: Pick<EngineOptions, 'threads'>,
  request: TrainRequest,
  options: TrainOptions,
): Promise<TrainResult> {
  checkRequest(request);
  const address = await runAddress(request);
  const folder = join(options.folder, address.name);
  return withLock(folder, async (isOurs) => {
    if (!isOurs) {
      throw new MoepressError('WRITE_FAILED', {
        message: `Another process is training ${request.name}.`,
        where: folder,
        mend: 'Wait for it: what it has learned will be used.',
      });
    }
    const worker = new EngineWorker(engine.threads ?? availableParallelism());
    try {
      const parameters = new Parameters(worker, request.model, request.trainable);
      const run = new RunFolder(folder, worker, parameters, address.checkUnchanged);
      const earlier = await run.result();
      if (earlier) return earlier;
      const { tokens = 2048, memory = carriedMemory(), saveEvery = 30 } = options;
      const isResident = request.model.blocks.length * activationBytes(request.model, tokens) <= memory;
      const sessions = new Sessions(worker, isResident ? Number.POSITIVE_INFINITY : 1);
      const objective = await objectiveOf(request, parameters.view, sessions, { ...options, tokens });
      const gradients = new Gradients(sessions, parameters.view, objective);
      const curve = await takeSteps(request, { gradients, parameters, run, tokens, saveEvery });
      return await run.finish(curve);
    } finally {
      await worker.dispose();
    }
  });
}

async function objectiveOf(
  { loss, sequences, validation, progress, signal }: TrainRequest,
  student: Model,
  sessions: Sessions,
  { folder, tokens }: { readonly folder: string; readonly tokens: number },
): Promise<Objective> {
  if (loss.kind === 'cross-entropy') return nextTokens(student);
  if (loss.topLogits === null) return besideTeacher(sessions, student, loss);
  const all = [...sequences, ...validation];
  const n = Math.min(loss.topLogits, student.config.vocabSize);
  const { name, checkUnchanged } = await answersAddress(loss, all, { progress, signal });
  const answers = await TeacherAnswers.open(join(folder, name), all, n);
  await askTeacher(sessions, loss, n, answers, { tokens, checkUnchanged, progress, signal });
  return topTokens(student, n, loss, answers);
}
