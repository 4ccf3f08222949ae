import { type CalibrationRecord, type Model, MoepressError, moeBlocks, type Statistic } from '@moepress/core';
import { sequenceMaskFisher, tokenMaskFisher, weightFisher, weightGradientMagnitude } from '@moepress/graph';
import { checkChoice, renaming } from '../check-options.js';
import { checkChosen } from '../files/output.js';
import { type CalibrationChoice, calibrationSet } from '../models/model-data.js';
import { type ModelInput, type ModelOptions, resolveModel } from '../models/open-model.js';
import { type ComputeOptions, type WorkOptions, workOf } from '../options.js';
import type { PlanInput } from '../plans/plan-file.js';
import { type SessionOption, withSession } from '../session.js';
import { Calibration, type MeasureOptions } from './calibration.js';
import { expertScores, type Mass, massOf } from './channel-mass.js';
import { type Overlap, overlapsOf } from './channel-overlap.js';

/** What may stand for the weight of a channel, by the names that the method fisher-moe gives them. */
export const channelStatistics = {
  'grad-abs': weightGradientMagnitude,
  'fisher-squared': weightFisher,
  'mask-fisher-token': tokenMaskFisher,
  'mask-fisher-sequence': sequenceMaskFisher,
} as const satisfies Record<string, Statistic>;

export type ChannelScore = keyof typeof channelStatistics;

export interface ChannelsOptions
  extends CalibrationChoice,
    ComputeOptions,
    SessionOption,
    ModelOptions,
    WorkOptions,
    Pick<MeasureOptions, 'cache'> {
  readonly plan?: PlanInput | undefined;
  /** `fisher-squared` by default. */
  readonly score?: ChannelScore | undefined;
  /** A second calibration set, to compare what is kept. */
  readonly against?: CalibrationChoice['calibration'];
}

/** Which layers, experts and channels the loss on a calibration set depends on. */
export interface ChannelsReport extends Mass {
  readonly model: string;
  readonly score: ChannelScore;
  readonly calibration: CalibrationRecord;
  /** The second set, and how far both agree on the channels to keep; null without one. */
  readonly other:
    | (Pick<Mass, 'layers'> & {
        readonly calibration: CalibrationRecord;
        readonly overlaps: readonly Overlap[];
      })
    | null;
}

/**
 * Measures how much the loss depends on each channel of a model. Throws `INPUT_INVALID` for a model without routed
 * experts, `CALIBRATION_INVALID`, and what `openSession` and measuring throw.
 */
export async function measureChannels(
  model: ModelInput,
  options: ChannelsOptions = {},
): Promise<ChannelsReport> {
  const { score = 'fisher-squared', against, cache } = options;
  checkChoice({ where: 'score', value: score }, Object.keys(channelStatistics));
  const work = workOf(options);
  await checkChosen(cache, 'evidence');
  const opened = await resolveModel(model, options);
  checkExperts(opened);
  // Both are read before the first is measured, which may take hours.
  const calibrations: Calibration[] = [];
  for (const [where, calibration] of Object.entries({ calibration: options.calibration, against })) {
    if (where === 'against' && calibration === undefined) continue;
    const choice = { ...options, calibration };
    const set = await renaming({ calibration: where }, () => calibrationSet(opened, choice, work));
    calibrations.push(new Calibration(async () => set, { cache, minTokens: 0 }));
  }
  const statistic = channelStatistics[score];
  return withSession(opened, options, async ({ engine }) => {
    const measured = [];
    for (const calibration of calibrations) {
      calibration.need([statistic]);
      const evidence = await calibration.evidence(engine, opened, work);
      measured.push({
        calibration: evidence.calibration,
        experts: expertScores(opened, evidence, statistic),
      });
    }
    const [first, second] = measured;
    return {
      model: opened.id,
      score,
      calibration: first!.calibration,
      ...massOf(first!.experts),
      other: second
        ? {
            calibration: second.calibration,
            overlaps: overlapsOf(first!.experts, second.experts),
            layers: massOf(second.experts).layers,
          }
        : null,
    };
  });
}

function checkExperts(model: Model): void {
  if (moeBlocks(model).length > 0) return;
  throw new MoepressError('INPUT_INVALID', {
    message: `${model.id} has no routed experts.`,
    where: model.source.directory,
    hint: 'Give a Mixture-of-Experts model.',
  });
}
