import { type FileOutput, replaceFile } from '@moepress/checkpoint';
import type { CalibrationPart } from '@moepress/harness';
import { Option } from 'commander';
import { renderHeatMap } from '../../src/figures/heat-map.js';
import { checkChosen, claimFile, withOutput } from '../../src/files/output.js';
import { formatCount } from '../../src/format.js';
import {
  type ChannelScore,
  type ChannelsReport,
  channelStatistics,
  measureChannels,
} from '../../src/statistics/measure-channels.js';
import { calibrationOf, calibrationOption } from '../calibration-options.js';
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
  memoryOption,
  modelHelp,
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
import { renderMass, renderOverlaps } from '../text/channels-text.js';

interface ChannelsFlags extends Pick<CacheFlags, 'evidence'>, DeviceFlags {
  readonly score: ChannelScore;
  readonly calibration?: readonly CalibrationPart[];
  readonly against?: readonly CalibrationPart[];
  /** File of the heat map. */
  readonly svg?: string;
  readonly plan?: string;
  readonly data?: string;
  readonly seed: number;
  readonly revision?: string;
  readonly force?: boolean;
}

export const define: Define = (command, context) =>
  command
    .argument('<model>', modelHelp)
    .addOption(planOption())
    .addOption(calibrationOption())
    .option('--against <set>', 'another calibration set: what would both keep?', calibrationOf('against'))
    .addOption(
      new Option('--score <score>', 'what a channel weighs')
        .choices(Object.keys(channelStatistics))
        .default('fisher-squared'),
    )
    .option('--svg <file>', 'heat map of layers and experts', path)
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
    .action(async (model, flags) => channels(model, flags, await context(flags)));

async function channels(id: string, flags: ChannelsFlags, context: Context): Promise<void> {
  const { svg, evidence, force, ...options } = flags;
  const { plugins, work } = context;
  const cache = cacheOf({ ...(evidence !== undefined && { evidence }) });
  await checkChosen(cache, 'evidence');
  const claiming = svg === undefined ? null : claimFile(svg, 'figure', { progress: work.onProgress, force });
  await withOutput(claiming, async (figure) => {
    const report = await measureChannels(id, { ...options, cache, plugins, ...work });
    printReport(report, svg, context);
    if (figure !== null) await writeHeatMap(report, figure);
    if (figure !== null) context.note(`\nHeat map written to ${svg}`);
  });
}

const headingOf = ({ model, calibration, score }: ChannelsReport) =>
  `${model} on ${calibration.source}: ${score}`;

function printReport(report: ChannelsReport, svg: string | undefined, { print }: Context): void {
  const { other, layers, concentration, model, score, calibration } = report;
  const text = [
    `${headingOf(report)}, ${formatCount(calibration.tokens)} tokens`,
    renderMass(report),
    ...(other ? [renderOverlaps(other.overlaps, other.calibration.source)] : []),
  ];
  print(text.join('\n\n'), {
    model,
    score,
    calibration,
    layers,
    concentration,
    ...(other && { against: other.calibration, overlaps: other.overlaps }),
    ...(svg !== undefined && { svg }),
  });
}

async function writeHeatMap(report: ChannelsReport, output: FileOutput): Promise<void> {
  const { model, score, layers, calibration, other } = report;
  const panels = [
    { text: calibration.source, layers },
    ...(other ? [{ text: other.calibration.source, layers: other.layers }] : []),
  ];
  const figure = await renderHeatMap(panels, `${model}: ${score}`);
  await replaceFile(output.path, (file) => file.writeFile(figure));
  await output.commit();
}
