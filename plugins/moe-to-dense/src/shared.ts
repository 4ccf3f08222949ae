import {
  type Evidence,
  type Model,
  type MoeBlock,
  mlpEvidence,
  moeBlocks,
  type Statistic,
} from '@moepress/core';
import { sharedGateSums } from '@moepress/graph';
import type { MoeToDenseOptions } from './options.js';

/** Whether the gate of a shared expert becomes a constant. */
export const isFrozen = ({ ffn }: MoeBlock, { shared }: MoeToDenseOptions) =>
  ffn.shared?.gate != null && shared === 'frozen';

export const sharedNeeds = (model: Model, options: MoeToDenseOptions): readonly Statistic[] =>
  moeBlocks(model).some((block) => isFrozen(block, options)) ? [sharedGateSums] : [];

/** The mean gate of a shared expert over the calibration tokens; null where there is none or it stays. */
export function frozenGate(block: MoeBlock, evidence: Evidence, options: MoeToDenseOptions): number | null {
  if (!isFrozen(block, options)) return null;
  const layer = mlpEvidence(evidence, block.index);
  return layer.read(sharedGateSums, 'sum')[0]! / layer.read(sharedGateSums, 'count')[0]!;
}
