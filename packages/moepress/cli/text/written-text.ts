import type { CompressionPlan, RemovedRatios } from '@moepress/core';
import { describePrediction, type ExpertLayout } from '@moepress/export';
import { formatBytes, formatPercent } from '../../src/format.js';
import type { WrittenCheckpoint } from '../../src/write-checkpoint.js';
import type { Context } from '../context.js';
import { loadingText } from './loading-text.js';
import { type NextStep, nextText, quoted, tasksFor } from './next-text.js';

/** Says what was written and saved. */
export function printWritten(
  written: WrittenCheckpoint,
  { layout, base, out }: { readonly layout: ExpertLayout; readonly base: string; readonly out: string },
  { print, note }: Context,
): void {
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
    loadingText(written.engines),
  ].join('\n');
  print(text, written);
  note(nextText(stepsAfter(written, { base, out: quoted(out) })));
}

/** Score it, use it; where servers do not load it, what they would. */
function stepsAfter(
  { engines }: WrittenCheckpoint,
  { base, out }: { readonly base: string; readonly out: string },
): NextStep[] {
  const isServed = engines.some(({ engine, loads }) => engine === 'vLLM' && loads !== 'not');
  return [
    [`moepress eval ${out} --tasks ${tasksFor(base)} --output results`, 'score it'],
    [`moepress serve ${out}`, "answer OpenAI's API with it"],
    isServed
      ? [`vllm serve ${out}`, 'the same on a GPU']
      : [
          `moepress apply ${out} ${quoted(base)} --layout materialised --out ${out}-materialised`,
          'as large as the original, for vLLM and others',
        ],
    [`moepress export ${out} --to gguf`, 'who would load it as a GGUF file'],
  ];
}

const describeRemoved = ({ routed, whole }: RemovedRatios) =>
  `${formatPercent(routed)} of the routed-expert parameters, ${formatPercent(whole)} of the model`;

/** What the method wants its user to know. */
export function showWarnings({ warnings }: CompressionPlan, { work }: Context): void {
  for (const message of warnings) work.onProgress({ type: 'warning', message });
}
