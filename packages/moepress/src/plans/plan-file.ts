import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
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
  applyPlan,
  type CompressionPlan,
  type LearnedRecord,
  type LearnedTensor,
  type Model,
  MoepressError,
  parsePlan,
  type StoredTensor,
  type Work,
} from '@moepress/core';
import { readText } from '../files/text-file.js';

/** A plan and the tensors it brings along, by their paths. */
export interface PlanFile {
  readonly plan: CompressionPlan;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/**
 * Reads a plan, and the safetensors file beside it if it speaks of one. Throws `PLAN_INVALID`, also if that
 * file is absent or another.
 */
export async function readPlan(file: string): Promise<PlanFile> {
  const plan = parsePlan(await readText(file, 'PLAN_INVALID'), file);
  if (!plan.learned) return { plan, tensors: new Map() };
  const path = join(dirname(file), plan.learned.file);
  if ((await sha256Of(path)) !== plan.learned.sha256) {
    throw new MoepressError('PLAN_INVALID', {
      message: 'The file of learned tensors is absent, damaged, or that of another plan.',
      where: path,
      hint: 'Put the file that was made with the plan beside it.',
    });
  }
  return { plan, tensors: (await readSafetensors(path)).tensors };
}

export const applyPlanFile = (base: Model, { plan, tensors }: PlanFile): Model =>
  applyPlan(base, plan, tensors);

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

export async function writePlan(path: string, plan: CompressionPlan): Promise<void> {
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
