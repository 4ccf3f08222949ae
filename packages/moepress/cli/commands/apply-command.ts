import type { ExpertLayout, PredictionChoice, QuantiseChoice } from '@moepress/export';
import { estimateWrite } from '../../src/estimate/estimate-apply.js';
import { claimFolder, withOutput } from '../../src/files/output.js';
import { resolveModel, warnOfOtherBase } from '../../src/models/open-model.js';
import { readPlan } from '../../src/plans/plan-file.js';
import { writeCheckpoint } from '../../src/write-checkpoint.js';
import {
  dryRunOption,
  forceOption,
  jsonOption,
  layoutOption,
  modelHelp,
  mtpOption,
  pluginOption,
  profileOption,
  quantiseOption,
  revisionOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { path } from '../option-values.js';
import { estimateText } from '../text/estimate-text.js';
import { printWritten, showWarnings } from '../text/written-text.js';

interface ApplyFlags {
  readonly out: string;
  readonly layout: ExpertLayout;
  readonly mtp?: PredictionChoice;
  readonly quantise?: QuantiseChoice;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly revision?: string;
}

export const define: Define = (command, context) =>
  command
    .argument('<plan>', 'a plan, or the folder that compress or refine wrote')
    .argument('<model>', `the plan's base: ${modelHelp}`)
    .requiredOption('--out <dir>', 'folder of the checkpoint', path)
    .addOption(layoutOption())
    .addOption(mtpOption())
    .addOption(quantiseOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(dryRunOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (plan, model, flags) => apply(plan, model, flags, await context(flags)));

async function apply(
  planFile: string,
  id: string,
  { out, layout, mtp, quantise, force, revision, dryRun }: ApplyFlags,
  context: Context,
): Promise<void> {
  const { work } = context;
  const progress = work.onProgress;
  // Before a base comes from the Hub, which may take hours.
  const file = await readPlan(planFile);
  if (dryRun) {
    const options = {
      plan: file,
      folder: out,
      layout,
      quantise,
      revision,
      plugins: context.plugins,
      ...work,
    };
    const estimate = await estimateWrite(id, options);
    return context.print(estimateText(estimate), estimate);
  }
  await withOutput(claimFolder(out, 'checkpoint', { progress, force }), async (output) => {
    const base = await resolveModel(id, { revision, plugins: context.plugins, ...work });
    await warnOfOtherBase(file.plan, base, { progress, signal: work.signal });
    showWarnings(file.plan, context);
    printWritten(
      await writeCheckpoint(base, file, output!, { layout, mtp, quantise, ...work }),
      { layout, base: id, out },
      context,
    );
  });
}
