import { join } from 'node:path';
import type { FolderOutput } from '@moepress/checkpoint';
import { type CalibrationRecord, parseOptions, planHash } from '@moepress/core';
import type { CalibrationPart } from '@moepress/harness';
import { defaultRunsRoot, recordOf, refineModel } from '@moepress/runtime';
import { claimFolder, notKept, withOutput } from '../../src/files/output.js';
import { type TrainingData, trainingSet } from '../../src/models/model-data.js';
import { openBase, warnOfOtherBase } from '../../src/models/open-model.js';
import { applyPlanFile, readPlan } from '../../src/plans/plan-file.js';
import { writeRefined } from '../../src/plans/refined-folder.js';
import type { Context } from '../context.js';

export interface RefineOptions {
  readonly plan: string;
  readonly refiner: string;
  readonly train: readonly CalibrationPart[];
  readonly validate?: readonly CalibrationPart[];
  readonly out: string;
  readonly option?: Readonly<Record<string, unknown>>;
  /** Folder in which runs keep their state. */
  readonly runs?: string;
  readonly data?: string;
  readonly seed: number;
  readonly threads?: number;
  /** Bytes of anonymous memory to stay within. */
  readonly memory?: number;
  readonly revision?: string;
  readonly force?: boolean;
}

/** `moepress refine <model>`: train what a plan leaves, and write the plan with what was learned. */
export async function refine(id: string, options: RefineOptions, context: Context): Promise<void> {
  const taking = claimFolder(options.out, 'refined', { ...context.work, force: options.force });
  await withOutput(taking, (output) => refineInto(output!, id, options, context));
}

async function refineInto(
  output: FolderOutput,
  id: string,
  options: RefineOptions,
  context: Context,
): Promise<void> {
  const { work } = context;
  const file = await readPlan(options.plan);
  const refiner = await context.registry.findRefiner(options.refiner);
  const own = parseOptions(refiner.refiner, { ...options.option, seed: options.seed });
  const teacher = await openBase(id, { ...options, ...work });
  await warnOfOtherBase(file.plan, teacher, work);
  const student = applyPlanFile(teacher, file);
  const data = await trainingSet(teacher, options.train, options, work);
  const validation = options.validate && (await trainingSet(teacher, options.validate, options, work));
  const folder = options.runs ?? defaultRunsRoot();
  const refined = await refineModel({
    ...work,
    ...(options.threads !== undefined && { threads: options.threads }),
    memory: options.memory,
    student,
    teacher,
    refiner,
    options: own,
    sequences: data.sequences,
    validation: validation?.sequences ?? [],
    folder,
    // A place that the user did not choose is a convenience: one that is full is given up.
    giveUp: options.runs === undefined ? notKept('States of training', folder, work.progress) : undefined,
  });
  const record = {
    refiner: { name: refiner.refiner.name, ...refiner.origin },
    options: own,
    data: dataRecord(data),
  };
  const plan = await writeRefined(output, file.plan, refined, record, work);
  context.print(summary(options.out, plan.learned!.tensors, refined.curves), {
    out: options.out,
    plan: join(options.out, 'plan.json'),
    planHash: planHash(plan),
    curves: refined.curves,
  });
}

const dataRecord = ({ sequences, ...set }: TrainingData): CalibrationRecord =>
  recordOf({ ...set, sequences: sequences.map(({ ids }) => ids) });

function summary(out: string, tensors: number, curves: Record<string, readonly { loss: number }[]>): string {
  const stages = Object.entries(curves).map(([stage, curve]) => {
    const [first, last] = [curve[0]?.loss, curve.at(-1)?.loss].map((loss) => loss?.toFixed(3) ?? '?');
    return `${stage}: ${curve.length} steps, loss ${first} to ${last}`;
  });
  return [`Wrote ${out}: plan.json and ${tensors} learned tensors`, ...stages].join('\n');
}
