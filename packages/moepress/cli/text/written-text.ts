import type { CompressionPlan, RemovedRatios } from '@moepress/core';
import { describePrediction, type ExpertLayout } from '@moepress/export';
import { formatBytes, formatPercent } from '../../src/format.js';
import type { WrittenCheckpoint } from '../../src/write-checkpoint.js';
import type { Context } from '../context.js';

/** Says what was written and saved. */
export function printWritten(written: WrittenCheckpoint, layout: ExpertLayout, { print }: Context): void {
  const { removed, planned, prediction } = written;
  const predicting = describePrediction(prediction);
  const text = [
    `Wrote ${written.directory}: ${formatBytes(written.bytes)} in ${written.files.length} files`,
    `Removed ${describeRemoved(removed)}`,
    ...(planned.whole > removed.whole
      ? [
          `The plan removes ${describeRemoved(planned)}: copies and zeros of the layout ${layout} fill the files up again`,
        ]
      : []),
    ...(written.requantised.length === 0
      ? []
      : [
          `Quantised anew in their format, because their blocks were cut: ${written.requantised.length} weights`,
        ]),
    ...(predicting === null ? [] : [`Layers that predict further tokens: ${predicting}`]),
  ].join('\n');
  print(text, written);
}

const describeRemoved = ({ routed, whole }: RemovedRatios) =>
  `${formatPercent(routed)} of the routed-expert parameters, ${formatPercent(whole)} of the model`;

/** What the method wants its user to know. */
export function showWarnings({ warnings }: CompressionPlan, { work }: Context): void {
  for (const message of warnings) work.onProgress({ type: 'warning', message });
}
