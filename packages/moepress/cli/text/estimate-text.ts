import type { Estimate } from '../../src/estimate/estimate.js';
import { formatBytes, formatDuration } from '../../src/format.js';
import { formatTable } from './table.js';

/** What a job is going to take, in a line. */
export function estimateLine({ seconds, memory, written, phases }: Estimate): string {
  const isWhole = phases.every((phase) => phase.seconds !== null);
  const parts = [
    `${isWhole ? 'about' : 'at least'} ${formatDuration(seconds)}`,
    `${formatBytes(memory)} of memory`,
    ...(written > 0 ? [`${formatBytes(written)} on disk`] : []),
  ];
  return `This takes ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}.`;
}

/** The same with each of its phases, for --dry-run. */
export function estimateText(estimate: Estimate): string {
  const rows = estimate.phases.map(({ title, seconds }) => [
    title,
    seconds === null ? 'not known' : formatDuration(seconds),
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
