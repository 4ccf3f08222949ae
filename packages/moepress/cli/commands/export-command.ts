import type { ExpertLayout, PredictionChoice } from '@moepress/export';
import type { CalibrationPart } from '@moepress/harness';
import { Option } from 'commander';
import { describeExport, exportModel } from '../../src/export-model.js';
import { exportTargetNames, exportTargets } from '../../src/exporting/export-targets.js';
import { resolveModel } from '../../src/models/open-model.js';
import { readPlan } from '../../src/plans/plan-file.js';
import { calibrationOption } from '../calibration-options.js';
import {
  type CacheFlags,
  cacheOf,
  type DeviceFlags,
  dataOption,
  deviceOption,
  evidenceOption,
  forceOption,
  gpuMemoryOption,
  jsonOption,
  layoutOption,
  memoryOption,
  modelHelp,
  mtpOption,
  noEvidenceOption,
  planOption,
  pluginOption,
  precisionOption,
  profileOption,
  revisionOption,
  seedOption,
  threadsOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { path } from '../option-values.js';
import { describeExported, describeOutlook } from '../text/export-text.js';
import { type NextStep, nextText, quoted } from '../text/next-text.js';

interface ExportFlags extends Pick<CacheFlags, 'evidence'>, DeviceFlags {
  readonly to: string;
  readonly type?: string;
  readonly plan?: string;
  readonly out?: string;
  readonly layout: ExpertLayout;
  readonly mtp?: PredictionChoice;
  readonly force?: boolean;
  readonly revision?: string;
  readonly imatrix?: string;
  readonly imatrixOut?: string;
  readonly calibration?: readonly CalibrationPart[];
  readonly data?: string;
  readonly seed: number;
}

const typesHelp = exportTargets.map(({ name, types }) => `${name}: ${types.join(', ')}`).join('; ');

export const define: Define = (command, context) =>
  command
    .argument('<model>', modelHelp)
    .addOption(
      new Option(
        '--to <format>',
        `the format: ${exportTargetNames.join(', ')}, or that of an installed plugin`,
      ).makeOptionMandatory(),
    )
    .option('--type <type>', `type of the weights (${typesHelp}; default: the first)`)
    .option(
      '--out <path>',
      'file or folder; without it, only says what would be written and who loads it',
      path,
    )
    .addOption(planOption())
    .option(
      '--imatrix <file>',
      'importance matrix of llama-imatrix, by which GGUF types weigh errors; measured on the model before or after its plan',
      path,
    )
    .addOption(calibrationOption('text to measure an importance matrix on, in place of --imatrix'))
    .option('--imatrix-out <file>', 'write the importance matrix that is measured', path)
    .addOption(layoutOption())
    .addOption(mtpOption())
    .addOption(dataOption())
    .addOption(seedOption())
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(memoryOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, flags) => runExport(model, flags, await context(flags)));

async function runExport(
  id: string,
  { out, plan: planFile, revision, evidence, ...flags }: ExportFlags,
  { work, plugins, print, note }: Context,
): Promise<void> {
  const cache = cacheOf({ ...(evidence !== undefined && { evidence }) });
  const plan = planFile === undefined ? undefined : await readPlan(planFile);
  const model = await resolveModel(id, { revision, plugins, ...work });
  const options = { ...flags, plan, cache, plugins, ...work };
  if (out === undefined) {
    const outlook = await describeExport(model, options);
    print(describeOutlook(outlook), outlook);
    return;
  }
  const { onProgress: _, ...quiet } = options;
  note(describeOutlook(await describeExport(model, quiet)));
  const exported = await exportModel(model, out, options);
  print(describeExported(exported), exported);
  note(nextText(stepsAfterExport(exported)));
}

/** How the engines that a format is for load it. */
function stepsAfterExport({ to, out }: { readonly to: string; readonly out: string }): NextStep[] {
  const path = quoted(out);
  if (to === 'gguf') return [[`llama-cli -m ${path} -p "Hello"`, 'llama.cpp continues a text']];
  if (to === 'onnx') {
    const tasks = '--tasks tiny_facts --backend transformers-js';
    return [[`moepress eval ${path} ${tasks}`, 'score it as transformers.js runs it']];
  }
  return [[`moepress serve ${path}`, "answer OpenAI's API with it"]];
}
