import { appendFile, readFile } from 'node:fs/promises';
import { asWriteError, replaceFile } from '@moepress/checkpoint';
import type { TrainingPoint } from '@moepress/core';
import { parseJson } from '@moepress/core';
import { z } from 'zod';

const pointSchema = z.strictObject({
  step: z.int().positive(),
  tokens: z.int().positive(),
  loss: z.number(),
  learningRate: z.number(),
  gradientNorm: z.number(),
  validation: z.number().optional(),
}) as z.ZodType<TrainingPoint>;

/** Adds a line to a loss curve, NDJSON. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function appendPoint(path: string, point: TrainingPoint): Promise<void> {
  await appendFile(path, `${JSON.stringify(point)}\n`).catch((cause) => {
    throw asWriteError(cause, path);
  });
}

/** The first `steps` points of a curve, null if not all of them are there. */
export async function readCurve(path: string, steps: number): Promise<TrainingPoint[] | null> {
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').slice(0, steps);
  try {
    const points = lines.map((line) => pointSchema.parse(parseJson(line)));
    return points.length === steps && points.every(({ step }, i) => step === i + 1) ? points : null;
  } catch {
    return null;
  }
}

/** Leaves these points in the file, and nothing of the steps that a killed run took after them. */
export async function writeCurve(path: string, points: readonly TrainingPoint[]): Promise<void> {
  const text = points.map((point) => `${JSON.stringify(point)}\n`).join('');
  await replaceFile(path, (file) => file.writeFile(text));
}

/** The step whose state is worth most: that of the lowest validation loss, null if none was measured. */
export function bestStep(curve: readonly TrainingPoint[]): number | null {
  const measured = curve.filter(({ validation }) => validation !== undefined);
  const [first, ...rest] = measured;
  if (!first) return null;
  return rest.reduce((best, point) => (point.validation! < best.validation! ? point : best), first).step;
}
