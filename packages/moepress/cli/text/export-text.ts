import type { ExportedModel, ExportOutlook } from '../../src/export-model.js';
import { formatBytes } from '../../src/format.js';
import { formatTable } from './table.js';

/** Which engines load an export, and how. */
export function describeOutlook({ engines, to, type, bytes }: ExportOutlook): string {
  const rows = engines.map(({ engine, loads, reason }) => [engine, loads, reason ?? '']);
  return [
    formatTable([{ title: 'Engine' }, { title: 'Loads' }, { title: '' }], rows),
    `${to}, ${type}: ${formatBytes(bytes)} of weights`,
  ].join('\n');
}

export const describeExported = ({ out, writtenBytes }: ExportedModel): string =>
  `Wrote ${out}: ${formatBytes(writtenBytes)}`;
