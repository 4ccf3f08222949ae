import { checkWritable, type FileOutput, replaceFile } from '@moepress/checkpoint';
import type { CalibrationSet } from '@moepress/core';
import { type Model, MoepressError, moeBlocks } from '@moepress/core';
import type { CalibrationPart } from '@moepress/harness';
import { type EngineChoice, openEngine } from '../../src/devices/open-engine.js';
import { renderHeatMap } from '../../src/figures/heat-map.js';
import { claimFile, withOutput } from '../../src/files/output.js';
import { formatCount } from '../../src/format.js';
import { type CalibrationChoice, calibrationSet } from '../../src/models/model-data.js';
import { openView } from '../../src/models/open-model.js';
import { expertScores, massOf } from '../../src/statistics/channel-mass.js';
import { overlapsOf } from '../../src/statistics/channel-overlap.js';
import { type ChannelScore, channelStatistics } from '../../src/statistics/channel-scores.js';
import { type MeasureOptions, measureEvidence } from '../../src/statistics/measure-evidence.js';
import type { Context } from '../context.js';
import { renderMass, renderOverlaps } from '../text/channels-text.js';

export interface ChannelsOptions extends CalibrationChoice, EngineChoice, Omit<MeasureOptions, 'minTokens'> {
  readonly score: ChannelScore;
  /** A second calibration set, to compare what is kept. */
  readonly against?: readonly CalibrationPart[];
  /** File of the heat map. */
  readonly svg?: string;
  readonly plan?: string;
  readonly revision?: string;
  readonly force?: boolean;
}

/** `moepress channels <model>`: which layers, experts and channels the loss on a calibration set depends on. */
export async function channels(id: string, options: ChannelsOptions, context: Context): Promise<void> {
  const { svg, evidence, force } = options;
  if (evidence) await checkWritable(evidence);
  const taking = svg === undefined ? null : claimFile(svg, 'figure', { ...context.work, force });
  await withOutput(taking, (figure) => channelsInto(figure, id, options, context));
}

async function channelsInto(
  output: FileOutput | null,
  id: string,
  options: ChannelsOptions,
  context: Context,
): Promise<void> {
  const { score, against, svg } = options;
  const model = await openView(id, { ...options, ...context.work });
  checkExperts(model);
  const choices: readonly CalibrationChoice[] = [
    options,
    ...(against ? [{ ...options, calibration: against }] : []),
  ];
  const [first, second] = await measure(model, choices, options, context);
  const mass = massOf(first!.experts);
  const overlaps = second ? overlapsOf(first!.experts, second.experts) : null;
  const heading = `${model.id} on ${first!.calibration.source}: ${score}`;
  const text = [
    `${heading}, ${formatCount(first!.calibration.tokens)} tokens`,
    renderMass(mass),
    ...(overlaps ? [renderOverlaps(overlaps, second!.calibration.source)] : []),
  ];
  context.print(text.join('\n\n'), {
    model: model.id,
    score,
    calibration: first!.calibration,
    ...mass,
    ...(second && { against: second.calibration, overlaps }),
    ...(svg !== undefined && { svg }),
  });
  if (output === null) return;
  const figure = await renderHeatMap(mass, heading);
  await replaceFile(output.path, (file) => file.writeFile(figure));
  await output.commit();
  context.note(`\nHeat map written to ${svg}`);
}

function checkExperts(model: Model): void {
  if (moeBlocks(model).length > 0) return;
  throw new MoepressError('INPUT_INVALID', {
    message: `${model.id} has no routed experts.`,
    where: model.source.directory,
    hint: 'Give a Mixture-of-Experts model.',
  });
}

/** The channels' scores on each of the calibration sets. */
async function measure(
  model: Model,
  choices: readonly CalibrationChoice[],
  options: ChannelsOptions,
  { work }: Context,
) {
  // Both are read before the first is measured, which may take hours.
  const sets: CalibrationSet[] = [];
  for (const choice of choices) sets.push(await calibrationSet(model, choice, work));
  const statistic = channelStatistics[options.score];
  const engine = await openEngine(options, work);
  try {
    const measured = [];
    for (const set of sets) {
      const measuring = { ...options, ...work, minTokens: 0 };
      const evidence = await measureEvidence(engine, model, set, [statistic], measuring);
      measured.push({
        calibration: evidence.calibration,
        experts: expertScores(model, evidence, statistic),
      });
    }
    return measured;
  } finally {
    await engine.dispose();
  }
}
