import { type FileOutput, FolderOutput } from '@moepress/checkpoint';
import { type CompressionPlan, MoepressError, planHash } from '@moepress/core';
import type { ExpertLayout, PredictionChoice, QuantiseChoice } from '@moepress/export';
import type { CalibrationPart } from '@moepress/harness';
import { compress, requestOf } from '../../src/compress.js';
import {
  compressPhases,
  type EstimateCompressOptions,
  estimateCompress,
  needsOf,
} from '../../src/estimate/estimate-compress.js';
import { isLarge, isLong } from '../../src/estimate/is-long.js';
import { checkChosen, claimFile, claimFolder, withOutput } from '../../src/files/output.js';
import { calibrationSet } from '../../src/models/model-data.js';
import { resolveModel } from '../../src/models/open-model.js';
import { workOf } from '../../src/options.js';
import { writeClaimed } from '../../src/plans/write-plan.js';
import { checkWritten, writeCheckpoint } from '../../src/write-checkpoint.js';
import { calibrationOption, domainsOption } from '../calibration-options.js';
import {
  type CacheFlags,
  cacheOf,
  type DeviceFlags,
  dataOption,
  deviceOption,
  dryRunOption,
  evidenceOption,
  forceOption,
  gpuMemoryOption,
  jsonOption,
  layoutOption,
  memoryOption,
  minTokensOption,
  modelHelp,
  mtpOption,
  noEvidenceOption,
  pluginOption,
  precisionOption,
  profileOption,
  quantiseOption,
  revisionOption,
  seedOption,
  threadsOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { fraction, jsonValue, methodOption, path } from '../option-values.js';
import { estimateText } from '../text/estimate-text.js';
import { type NextStep, nextText, quoted, tasksFor } from '../text/next-text.js';
import { printWritten, showWarnings } from '../text/written-text.js';

interface CompressFlags extends CacheFlags, DeviceFlags {
  readonly method: string;
  readonly ratio?: number;
  readonly out?: string;
  readonly planOnly?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly layout: ExpertLayout;
  readonly mtp?: PredictionChoice;
  readonly quantise?: QuantiseChoice;
  readonly option?: Readonly<Record<string, unknown>>;
  readonly acrossGroups?: boolean;
  readonly budget?: unknown;
  readonly keepSuperExperts?: boolean;
  readonly propagate?: boolean;
  readonly domains?: readonly (readonly CalibrationPart[])[];
  readonly calibration?: readonly CalibrationPart[];
  readonly data?: string;
  readonly seed: number;
  readonly minTokens: number;
  readonly revision?: string;
}

export const define: Define = (command, context) =>
  command
    .argument('<model>', modelHelp)
    .requiredOption(
      '--method <name>',
      'how to decide what goes, such as conmoe, reap or fisher-moe; moepress methods lists all',
    )
    .option(
      '--ratio <fraction>',
      'share of the routed-expert parameters to remove, such as 0.5; most methods require it (see moepress methods <name>)',
      fraction,
    )
    .option(
      '--out <path>',
      'folder of the checkpoint, required unless --plan-only is given: there the file of the plan (default: it is printed)',
      path,
    )
    .option('--plan-only', 'write the plan and no weights')
    .option(
      '--across-groups',
      'of routers that select within groups of experts: drop the lowest of a layer, and select without groups',
    )
    .option(
      '--budget <name>',
      'how many experts of each layer go: uniform, global, coverage, max-min, grape, or one of a plugin; with options of its own' +
        ' as JSON: {"name":"global","floor":0.25} (default: uniform)',
      jsonValue,
    )
    .option('--keep-super-experts', 'never drop experts whose outputs are extreme, whatever their score')
    .addOption(domainsOption())
    .option(
      '--propagate',
      'measure each layer on what the layers below give once they are compressed, not on what they gave in the original',
    )
    .addOption(layoutOption())
    .addOption(mtpOption())
    .addOption(quantiseOption())
    .addOption(calibrationOption())
    .addOption(dataOption())
    .addOption(seedOption())
    .option(
      '--option <name=value>',
      'an option of the method (see moepress methods <name>), may be repeated',
      methodOption,
    )
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(memoryOption())
    .addOption(minTokensOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(dryRunOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, flags) => compressModel(model, flags, await context(flags)));

async function compressModel(id: string, flags: CompressFlags, context: Context): Promise<void> {
  if (flags.dryRun) {
    const estimate = await estimateCompress(id, estimateOptions(flags, context));
    return context.print(estimateText(estimate), estimate);
  }
  const { layout, mtp, quantise, evidence, answers, runs, out, force, ...options } = flags;
  const { work, plugins } = context;
  // What can be refused at once is refused before a model comes from the Hub and is measured.
  const cache = cacheOf({ ...(evidence !== undefined && { evidence }) });
  await checkChosen(cache, 'evidence');
  await withOutput(takeOutput(flags, context), async (output) => {
    const choice = { ...options, options: methodOptions(flags) };
    const request = await requestOf(choice, { plugins, ...work });
    const model = await resolveModel(id, { revision: flags.revision, plugins, ...work });
    if (output instanceof FolderOutput) {
      await checkWritten(model, request, { layout, quantise, folder: output.path });
    }
    let { calibration }: Pick<EstimateCompressOptions, 'calibration'> = options;
    const needs = isLarge(model) ? needsOf(model, request) : [];
    context.phases(compressPhases(model, request, output instanceof FolderOutput));
    if (needs.length > 0) {
      // The estimate and the work measure on the same tokens, which are read once.
      const set = await calibrationSet(model, { ...options, plugins }, workOf(work));
      calibration = set;
      const estimating = { ...estimateOptions(flags, context), calibration };
      if (isLong(model, set, needs)) context.expect(await estimateCompress(model, estimating));
    }
    const method = { ...choice, calibration, method: request.method };
    const plan = await compress(model, { ...method, cache, plugins, ...work });
    showWarnings(plan, context);
    if (!(output instanceof FolderOutput)) return printPlan(plan, output, context);
    printWritten(
      await writeCheckpoint(model, plan, output, { layout, mtp, quantise, ...work }),
      { layout, base: id, out: out! },
      context,
    );
  });
}

/** The options of the method, some of which have flags of their own. */
const methodOptions = ({ option, acrossGroups, budget, keepSuperExperts }: CompressFlags) => ({
  ...option,
  ...(acrossGroups && { acrossGroups }),
  ...(budget !== undefined && { budget }),
  ...(keepSuperExperts && { keepSuperExperts }),
});

/** What of the flags decides what the work takes. */
function estimateOptions(flags: CompressFlags, { work, plugins }: Context): EstimateCompressOptions {
  const { out, planOnly, layout, quantise, evidence } = flags;
  const isWriting = out !== undefined && !planOnly;
  return {
    ...flags,
    ...(isWriting && { writing: { folder: out, layout, quantise } }),
    ...{ plugins, ...work },
    options: methodOptions(flags),
    cache: cacheOf({ ...(evidence !== undefined && { evidence }) }),
  };
}

function takeOutput(
  { out, planOnly, quantise, mtp, force }: CompressFlags,
  { work }: Context,
): Promise<FileOutput | FolderOutput> | null {
  for (const [where, value] of Object.entries({ quantise, mtp })) {
    if (!planOnly || value === undefined) continue;
    throw new MoepressError('INPUT_INVALID', {
      message: 'It is about weights, and with --plan-only none are written.',
      where,
      hint: 'Give it to `moepress apply` or `moepress export`, which write the weights.',
    });
  }
  const taking = { progress: work.onProgress, force };
  if (out !== undefined)
    return planOnly ? claimFile(out, 'plan', taking) : claimFolder(out, 'checkpoint', taking);
  if (planOnly) return null;
  throw new MoepressError('INPUT_INVALID', {
    message: 'Nothing says where the checkpoint goes.',
    where: 'out',
    hint: 'Give --out <dir>, or --plan-only to print the plan.',
  });
}

/** Hours of measuring may stand behind a plan: one that cannot be saved is printed. */
async function printPlan(plan: CompressionPlan, output: FileOutput | null, context: Context): Promise<void> {
  const print = () => context.print(JSON.stringify(plan, null, 2), plan);
  if (output === null) return print();
  try {
    await writeClaimed(plan, output);
  } catch (cause) {
    print();
    throw cause;
  }
  const hash = planHash(plan);
  context.print(`Plan ${hash.slice(0, 12)} written to ${output.out}`, { out: output.out, planHash: hash });
  const [file, base] = [quoted(output.out), quoted(plan.base.id)];
  const steps: NextStep[] = [
    [`moepress eval ${base} --plan ${file} --tasks ${tasksFor(base)}`, 'score what it makes, unwritten'],
    [`moepress apply ${file} ${base} --out ${file.replace(/\.json$/, '')}-model`, 'write the checkpoint'],
  ];
  context.note(nextText(steps));
}
