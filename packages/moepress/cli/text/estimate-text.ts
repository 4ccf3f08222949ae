import type { Estimate } from '../../src/estimate/estimate.js';
import { formatBytes, formatDuration } from '../../src/format.js';
import { formatTable } from './table.js';

/** Below so many seconds, trials say no more than that it is not long. */
const fewSeconds = 10;

/** A time with as many digits as an estimate deserves: two, and whole seconds. */
function roughly(seconds: number): string {
  if (seconds < 1) return 'under 1 s';
  return seconds < fewSeconds ? `${Math.round(seconds)} s` : formatDuration(Number(seconds.toPrecision(2)));
}

/** What a job is going to take, in a line. */
export function estimateLine({ seconds, memory, written, phases }: Estimate): string {
  const isWhole = phases.every((phase) => phase.seconds !== null);
  const parts = [
    seconds < fewSeconds
      ? `${isWhole ? '' : 'at least '}a few seconds`
      : `${isWhole ? 'about' : 'at least'} ${roughly(seconds)}`,
    `${formatBytes(memory)} of memory`,
    ...(written > 0 ? [`${formatBytes(written)} on disk`] : []),
  ];
  return `This takes ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}.`;
}

/** The same with each of its phases, for --dry-run. */
export function estimateText(estimate: Estimate): string {
  const rows = estimate.phases.map(({ title, seconds }) => [
    title,
    seconds === null ? 'not known' : roughly(seconds),
  ]);
  return [
    estimateLine(estimate),
    '',
    formatTable([{ title: 'Phase' }, { title: 'Time', align: 'right' }], rows),
    '',
    ...estimate.notes,
    'Nothing was computed or written. Leave out --dry-run to do it.',
  ].join('\n');
}
