import { join } from 'node:path';
import { planHash } from '@moepress/core';
import { type CalibrationPart, calibrationForms } from '@moepress/harness';
import { claimFolder, withOutput } from '../../src/files/output.js';
import { writeRefined } from '../../src/plans/write-plan.js';
import { refine } from '../../src/refine.js';
import { calibrationOf } from '../calibration-options.js';
import {
  cacheOf,
  dataOption,
  forceOption,
  jsonOption,
  memoryOption,
  modelHelp,
  pluginOption,
  profileOption,
  revisionOption,
  seedOption,
  threadsOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { methodOption, path } from '../option-values.js';
import { nextText, quoted, tasksFor } from '../text/next-text.js';

interface RefineFlags {
  readonly plan: string;
  readonly refiner: string;
  readonly train: readonly CalibrationPart[];
  readonly validate?: readonly CalibrationPart[];
  readonly out: string;
  readonly option?: Readonly<Record<string, unknown>>;
  readonly runs?: string;
  readonly data?: string;
  readonly seed: number;
  readonly threads?: number;
  readonly memory?: number;
  readonly revision?: string;
  readonly force?: boolean;
}

export const define: Define = (command, context) =>
  command
    .argument('<model>', `the plan's base: ${modelHelp}`)
    .requiredOption('--plan <file>', 'the plan that makes the student', path)
    .requiredOption('--refiner <name>', 'cd-moe, distil, or that of an installed plugin')
    .requiredOption(
      '--train <set>',
      `what to train on (of a task's questions, their answers): ${calibrationForms.join('; ')}`,
      calibrationOf('train'),
    )
    .option('--validate <set>', 'what to judge the student by meanwhile', calibrationOf('validate'))
    .requiredOption('--out <dir>', 'folder of the refined plan, its tensors and loss curves', path)
    .option(
      '--option <name=value>',
      'an option of the refiner (see moepress methods <name>), may be repeated',
      methodOption,
    )
    .option('--runs <dir>', 'where training keeps its state and goes on (default: the cache)', path)
    .addOption(dataOption())
    .addOption(seedOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, flags) => refineModel(model, flags, await context(flags)));

async function refineModel(
  id: string,
  { plan, out, option, runs, force, ...options }: RefineFlags,
  { work, plugins, print, note }: Context,
): Promise<void> {
  const progress = work.onProgress;
  await withOutput(claimFolder(out, 'refined', { progress, force }), async (output) => {
    const cache = cacheOf({ ...(runs !== undefined && { runs }) });
    const refined = await refine(id, plan, { ...options, options: option, cache, plugins, ...work });
    const file = await writeRefined(output!, refined, { progress, signal: work.signal });
    const { curves } = refined;
    print(summary(out, file.tensors.size, curves), {
      out,
      plan: join(out, 'plan.json'),
      planHash: planHash(file.plan),
      curves,
    });
    const [folder, base] = [quoted(out), quoted(id)];
    note(
      nextText([
        [`moepress eval ${base} --plan ${folder} --tasks ${tasksFor(id)}`, 'score what it makes, unwritten'],
        [`moepress apply ${folder} ${base} --out ${folder}-model`, 'write the checkpoint'],
      ]),
    );
  });
}

function summary(out: string, tensors: number, curves: Record<string, readonly { loss: number }[]>): string {
  const stages = Object.entries(curves).map(([stage, curve]) => {
    const [first, last] = [curve[0]?.loss, curve.at(-1)?.loss].map((loss) => loss?.toFixed(3) ?? '?');
    return `${stage}: ${curve.length} steps, loss ${first} to ${last}`;
  });
  return [`Wrote ${out}: plan.json and ${tensors} learned tensors`, ...stages].join('\n');
}
