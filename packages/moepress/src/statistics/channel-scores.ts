import type { Statistic } from '@moepress/core';
import { sequenceMaskFisher, tokenMaskFisher, weightFisher, weightGradientMagnitude } from '@moepress/graph';

/** What may stand for the weight of a channel, by the names that the method fisher-moe gives them. */
export const channelStatistics = {
  'grad-abs': weightGradientMagnitude,
  'fisher-squared': weightFisher,
  'mask-fisher-token': tokenMaskFisher,
  'mask-fisher-sequence': sequenceMaskFisher,
} as const satisfies Record<string, Statistic>;

export type ChannelScore = keyof typeof channelStatistics;
