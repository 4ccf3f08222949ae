import type { Diagnosis, TensorKind } from '@moepress/checkpoint';
import { formatTable } from './table.js';

/** Parts of a decoder by words in the names of their tensors, in the order in which they are tried. */
const parts: readonly (readonly [part: string, words: RegExp])[] = [
  ['norm', /norm|ln_/],
  ['router', /router|gate\.|gate_?score|wg\./],
  ['FFN', /expert|mlp|ffn|moe|feed_forward|fc\d/],
  ['attention', /attn|attention|mixer|mamba|conv|ssm/],
];

/** What is known of a checkpoint whose family is not, and what teaching moepress the family takes. */
export function renderDiagnosis({ modelType, config, tensors, nearest }: Diagnosis): string {
  const { title, shared, unknown, missing, obstacle } = nearest;
  const sections = [
    `"${modelType}" is a family without a manifest. It is most like ${title} (${nearest.modelType}): ${shared} of its ${tensors.length} kinds of tensors have the same names.`,
    section(
      'config.json says',
      Object.entries(config).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
    ),
    ...(obstacle === null ? [] : [`Read as ${title}, config.json fails: ${obstacle}`]),
    ...(unknown.length > 0
      ? [
          `Tensors that ${title} does not have:\n${tensorTable(tensors.filter(({ pattern }) => unknown.includes(pattern)))}`,
        ]
      : []),
    ...(missing.length > 0 ? [section(`Tensors that ${title} has and this has not`, missing)] : []),
    whatIsNeeded(nearest),
  ];
  return sections.join('\n\n');
}

function whatIsNeeded({ modelType, title, unknown, missing, obstacle }: Diagnosis['nearest']): string {
  if (unknown.length === 0 && missing.length === 0 && obstacle === null) {
    return `What is needed: a manifest like that of ${modelType}, if the mathematics is that of ${title} too. See docs/architectures.md.`;
  }
  const touched = new Set([...unknown, ...missing].map(partOf));
  const mathematics = [...parts.map(([part]) => part), 'decoder'].filter((part) => touched.has(part));
  const code =
    mathematics.length > 0
      ? ` Where these names stand for other mathematics and not for other words, also: ${mathematics.join(', ')} in packages/runtime.`
      : '';
  return `What is needed: a manifest, beginning with that of ${modelType}.${code} See docs/architectures.md.`;
}

function partOf(pattern: string): string {
  return parts.find(([, words]) => words.test(pattern))?.[0] ?? 'decoder';
}

function tensorTable(kinds: readonly TensorKind[]): string {
  return formatTable(
    [{ title: 'name' }, { title: 'count', align: 'right' }, { title: 'shape' }, { title: 'type' }],
    kinds.map(({ pattern, count, shape, dtype }) => [pattern, String(count), shape.join(' x '), dtype]),
  );
}

const section = (title: string, lines: readonly string[]) =>
  [`${title}:`, ...lines.map((line) => `  ${line}`)].join('\n');
