import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  asWriteError,
  exprEntry,
  readSafetensors,
  replaceFile,
  writeSafetensors,
} from '@moepress/checkpoint';
import {
  applyPlan as applyWithTensors,
  type CompressionPlan,
  type LearnedRecord,
  type LearnedTensor,
  type Model,
  MoepressError,
  parsePlan,
  planHash,
  type StoredTensor,
  type Work,
} from '@moepress/core';
import { checkText, isObject } from '../check-options.js';
import { readText } from '../files/text-file.js';

/** A plan and the tensors it brings along, by their paths. */
export interface PlanFile {
  readonly plan: CompressionPlan;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Plans in folders: of a refined plan, and of a written checkpoint. */
const planNames = ['plan.json', 'moepress_plan.json'] as const;

/** Throws `PLAN_INVALID` for a folder without a plan. */
async function planIn(folder: string): Promise<string> {
  const names = await readdir(folder);
  const found = planNames.find((name) => names.includes(name));
  if (found !== undefined) return join(folder, found);
  throw new MoepressError('PLAN_INVALID', {
    message: 'There is no plan in this folder.',
    where: folder,
    hint: 'Give a plan, or the folder that `compress` or `refine` wrote.',
  });
}

/**
 * Reads a plan: a file, the folder of a refined one, or a checkpoint that was written from one; and the safetensors file
 * beside it if it speaks of one. Throws `PLAN_INVALID`, also if that file is absent or another, and `INPUT_INVALID` for what is
 * no path.
 */
export async function readPlan(place: string): Promise<PlanFile> {
  checkText({ where: 'place', value: place }, 'the path of a plan');
  const isFolder = (await stat(place).catch(() => null))?.isDirectory();
  const file = isFolder ? await planIn(place) : place;
  const plan = parsePlan(await readText(file, 'PLAN_INVALID'), file);
  if (!plan.learned) return { plan, tensors: new Map() };
  const path = join(dirname(file), plan.learned.file);
  if ((await sha256Of(path)) !== plan.learned.sha256) {
    throw new MoepressError('PLAN_INVALID', {
      message: 'The file of learned tensors is absent, damaged, or that of another plan.',
      where: path,
      hint: 'Put the file that was made with the plan next to it.',
    });
  }
  return { plan, tensors: (await readSafetensors(path)).tensors };
}

/** The path of a plan file, a plan, or a plan with the tensors it brings along. */
export type PlanInput = string | CompressionPlan | PlanFile;

/** Throws what `readPlan` throws. */
export async function resolvePlan(plan: PlanInput): Promise<PlanFile> {
  return typeof plan === 'string' ? readPlan(plan) : asPlanFile(plan);
}

/** Throws `PLAN_INVALID` for what is no plan: one that is given as an object may come from anywhere. */
function asPlanFile(plan: CompressionPlan | PlanFile): PlanFile {
  const file = isObject(plan) && 'plan' in plan ? plan : { plan, tensors: new Map() };
  checkPlan(file);
  return file;
}

/** Throws `PLAN_INVALID` unless there is a plan, and a map of the tensors that it brings along. */
export function checkPlan({ plan, tensors }: Record<keyof PlanFile, unknown>): void {
  parsePlan(JSON.stringify(plan) ?? '', 'plan');
  if (tensors instanceof Map) return;
  throw new MoepressError('PLAN_INVALID', {
    message: 'What the plan brings along is no map of tensors.',
    where: 'plan',
    hint: 'Give what `readPlan`, `writePlan` or `refine` gave.',
  });
}

/**
 * The model that a plan makes of its base: a view, nothing is read or copied. Throws `PLAN_BASE_MISMATCH` for another
 * base, `PLAN_INVALID`, also for a plan without the tensors it brings along, and `RATIO_TOO_HIGH`.
 */
export function applyPlan(base: Model, plan: CompressionPlan | PlanFile): Model {
  const file = asPlanFile(plan);
  // Named after its plan, so that results of both models cannot be mixed up.
  return { ...applyPlanFile(base, file), id: `${base.id}+plan-${planHash(file.plan).slice(0, 12)}` };
}

/** The same under the name of the base. */
export const applyPlanFile = (base: Model, { plan, tensors }: PlanFile): Model =>
  applyWithTensors(base, plan, tensors);

/** Writes learned tensors to `path`. Throws `DISK_FULL`, `WRITE_FAILED` and `ABORTED`. */
export async function writeLearned(
  path: string,
  tensors: ReadonlyMap<string, LearnedTensor>,
  work: Work,
): Promise<Pick<LearnedRecord, 'sha256' | 'tensors'>> {
  await writeSafetensors(
    path,
    [...tensors].map(([name, tensor]) => exprEntry(name, tensor)),
    work,
  );
  const sha256 = await sha256Of(path);
  if (sha256 === null) throw asWriteError(new Error('It cannot be read back.'), path);
  return { sha256, tensors: tensors.size };
}

export async function writePlanFile(path: string, plan: CompressionPlan): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(plan, null, 2)}\n`));
}

/** Bytes hashed at a time: less takes half as long again. */
const hashedBytes = 1024 * 1024;

/** Null if the file cannot be read. */
async function sha256Of(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path, { highWaterMark: hashedBytes }), hash);
  } catch {
    return null;
  }
  return hash.digest('hex');
}
