import type { EngineSupport, Loading } from '@moepress/export';

const words: Readonly<Record<Exclude<Loading, 'not'>, string>> = {
  exactly: '',
  padded: '',
  nearly: ' (nearly)',
  'remote code': ' (with remote code)',
};

/** Which programs load what was written, and which do not, with the reason. */
export function loadingText(engines: readonly EngineSupport[]): string {
  const loaded = engines.flatMap(({ engine, loads }) =>
    loads === 'not' ? [] : [`${engine}${words[loads]}`],
  );
  const reasons = new Map<string, string[]>();
  for (const { engine, loads, reason } of engines) {
    if (loads !== 'not') continue;
    const why = reason ?? '';
    reasons.set(why, [...(reasons.get(why) ?? []), engine]);
  }
  const refused = [...reasons].map(([why, names]) => `Not loaded by ${names.join(', ')}. ${why}`.trim());
  return [`Loaded by ${['moepress', ...loaded].join(', ')}.`, ...refused].join('\n');
}
