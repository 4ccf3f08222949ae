import { type CompressionPlan, type Model, moeBlocks, planHash, removedRatios } from '@moepress/core';
import { sharesExperts } from './placement.js';

/** What the section of the model card tells. */
export interface CardFacts {
  readonly model: Model;
  readonly base: Model | undefined;
  readonly plan: CompressionPlan | undefined;
  readonly compact: boolean;
  /** Whether transformers loads the compact layout of this family. */
  readonly runsInTransformers: boolean;
  /** Whether what the base stores quantised, if anything, stays so. */
  readonly quantised: boolean;
}

/** The original's model card, or a new one, with a section on the compression. */
export function writeCard(original: string | null, facts: CardFacts): string {
  const head = original === null ? newCard(facts) : aboutBase(original).trimEnd();
  return `${head}\n\n${section(facts)}\n`;
}

/** A base that was compressed itself: its figures stay; its plan and how it is loaded do not apply here. */
function aboutBase(card: string): string {
  return card
    .replaceAll(introduction, '## Compression of the base model')
    .replaceAll(compactNote, '')
    .replaceAll(ownNote, '');
}

function newCard({ model, base }: CardFacts): string {
  const id = (base ?? model).id;
  const isHubModel = (base ?? model).revision !== null;
  return [
    '---',
    'library_name: transformers',
    ...(isHubModel ? [`base_model: ${id}`] : []),
    'tags: [moe, moepress]',
    '---',
    '',
    `# ${id.split(/[\\/]/).at(-1)}`,
  ].join('\n');
}

function section(facts: CardFacts): string {
  const rows = [...methodRows(facts), ...sizeRows(facts), ...calibrationRows(facts)];
  const table = ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${cell(value)} |`)];
  return `${introduction}\n\n${table.join('\n')}${facts.compact ? noteOf(facts) : ''}`;
}

const introduction = `## Compression

Compressed with moepress. The plan, \`moepress_plan.json\`, makes this checkpoint again from the base model.`;

type Row = readonly [name: string, value: string];

function methodRows({ model, plan, compact, quantised }: CardFacts): Row[] {
  const copies = sharesExperts(model) ? ', with a copy of the expert for each slot that shares it' : '';
  const layout = compact ? 'compact: each expert once, with a slot map' : `stock${copies}`;
  const rows: Row[] = [['layout', layout]];
  if (!quantised) rows.push(['weights', 'BF16: quantised ones were changed, so none are any more']);
  if (!plan) return rows;
  const { method, base, options } = plan;
  return [
    ['method', `${method.name} (${method.package} ${method.version})`],
    ['options', JSON.stringify(options)],
    ['base model', base.revision ? `${base.id} @ ${base.revision}` : base.id],
    ['plan', `sha256 ${planHash(plan)}`],
    ...rows,
  ];
}

function sizeRows({ model, base }: CardFacts): Row[] {
  const experts = moeBlocks(model).map(({ ffn }) => `${ffn.pool.length} for ${ffn.slots.length} slots`);
  const rows: Row[] = [['experts a layer', [...new Set(experts)].join(', ')]];
  if (!base) return rows;
  const { routed, whole } = removedRatios(base, model);
  const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;
  return [
    ['removed of the routed experts', percent(routed)],
    ['removed of the whole model', percent(whole)],
    ...rows,
  ];
}

function calibrationRows({ plan }: CardFacts): Row[] {
  if (!plan) return [];
  const { calibration } = plan;
  if (!calibration) return [['calibration', 'none']];
  const { source, sequences, tokens, hash, seed } = calibration;
  return [
    ['calibration', `${source}: ${sequences} sequences, ${tokens} tokens, seed ${seed}, sha256 ${hash}`],
  ];
}

/** A plan may come from anywhere: nothing in it may break out of its cell. */
function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[|[]/g, '\\$&').replaceAll('<', '&lt;');
}

const noteOf = ({ runsInTransformers }: CardFacts) => (runsInTransformers ? compactNote : ownNote);

const ownNote = `

Only moepress reads the compact layout of this family: transformers does not ship its code, on which a
modeling file could build. The materialised layout loads wherever the base model does.`;

const compactNote = `

transformers 5 loads the compact layout with the small \`modeling_moepress.py\` beside it:

\`\`\`python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(path, trust_remote_code=True)
\`\`\``;
