import {
  type CompressionPlan,
  type LearnedRecord,
  type Model,
  measure,
  moeBlocks,
  type ParameterCounts,
  planHash,
  removedRatios,
} from '@moepress/core';
import type { Arrangement } from './layout.js';
import { sharesExperts } from './placement.js';
import { describePrediction, type PredictionLayers } from './prediction.js';
import { expertWidths } from './widths.js';

/** The facts that the section of the model card reports. */
export interface CardFacts {
  readonly model: Model;
  readonly base: Model | undefined;
  readonly plan: CompressionPlan | undefined;
  readonly form: Arrangement['form'];
  /** Whether transformers loads the compact layout of this family. */
  readonly runsInTransformers: boolean;
  /** Whether tensors that the base stores quantised stay quantised. */
  readonly quantised: boolean;
  readonly prediction: PredictionLayers;
  /** Bytes of the weights as they are stored, copies and zeros included. */
  readonly bytes: { readonly routed: number; readonly whole: number };
  readonly parameters: ParameterCounts;
}

/** The original's model card, or a new one, with a section on the compression. */
export function writeCard(original: string | null, facts: CardFacts): string {
  const head = original === null ? newCard(facts) : aboutBase(original).trimEnd();
  return `${head}\n\n${section(facts)}\n`;
}

/**
 * For a base that was compressed before: its figures are kept; its plan and loading instructions do not apply here
 * and are removed.
 */
function aboutBase(card: string): string {
  return card
    .replaceAll(introduction, '## Compression of the base model')
    .replaceAll(compactNote, '')
    .replaceAll(ownNote, '')
    .replaceAll(flatNote, '');
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
  return `${introduction}\n\n${table.join('\n')}${noteOf(facts)}`;
}

const introduction = `## Compression

Compressed with moepress. The plan, \`moepress_plan.json\`, makes this checkpoint again from the base model.`;

type Row = readonly [name: string, value: string];

function methodRows({ model, plan, form, quantised, prediction }: CardFacts): Row[] {
  const rows: Row[] = [['layout', layoutOf(form, model)]];
  if (!quantised) rows.push(['weights', 'BF16: quantised ones were changed, so none are any more']);
  const predicting = describePrediction(prediction);
  if (predicting) rows.push(['layers that predict further tokens', predicting]);
  if (!plan) return rows;
  const { method, base, options, learned } = plan;
  return [
    ['method', `${method.name} (${method.package} ${method.version})`],
    ['options', JSON.stringify(options)],
    ['base model', base.revision ? `${base.id} @ ${base.revision}` : base.id],
    ['plan', `sha256 ${planHash(plan)}`],
    ...(learned ? refinementRows(learned) : []),
    ...rows,
  ];
}

function layoutOf(form: CardFacts['form'], model: Model): string {
  if (form.kind === 'flat') return 'less-is-moe: the experts of a layer side by side, each of its own width';
  if (form.kind === 'compact') {
    const { layers, dense = [] } = form.record;
    const ragged = layers.some(({ widths }) => widths !== undefined);
    const experts = `each expert once${ragged ? ' and as narrow as it is' : ''}, with a slot map`;
    return `compact: ${experts}${dense.length > 0 ? `; ${dense.length} layers of one MLP each` : ''}`;
  }
  const copies = sharesExperts(model) ? ', with a copy of the expert for each slot that shares it' : '';
  return `stock${copies}${zerosNotes[form.zeros]}`;
}

const zerosNotes = {
  none: '',
  padding: ', with zeros up to a common width of the experts',
  mask: ', with zeros in the places of the channels that went',
} as const;

function refinementRows({ refiner, options, data, tensors, file }: LearnedRecord): Row[] {
  return [
    ['refined by', `${refiner.name} (${refiner.package} ${refiner.version})`],
    ['refiner options', JSON.stringify(options)],
    ['learned from', `${data.source}: ${data.sequences} sequences, ${data.tokens} tokens, seed ${data.seed}`],
    ['learned tensors', `${tensors}, which come beside the plan in ${file}`],
  ];
}

function sizeRows({ model, base, bytes, parameters, form }: CardFacts): Row[] {
  const isStock = form.kind === 'stock';
  const experts = moeBlocks(model).map(({ ffn: { pool, slots } }) =>
    isStock && pool.length < slots.length
      ? `${slots.length} (${pool.length} different)`
      : `${pool.length} for ${slots.length} slots`,
  );
  const hasZeros = isStock && form.zeros !== 'none';
  const widths = expertWidths(model);
  const dense = model.blocks.flatMap(({ ffn }) => (ffn.kind === 'dense' ? [ffn.mlp.width] : []));
  const rows: Row[] = [];
  if (experts.length > 0) rows.push(['experts a layer', [...new Set(experts)].join(', ')]);
  if (widths.length > 0)
    rows.push([`channels an expert${hasZeros ? ', zeros left out' : ''}`, rangeOf(widths)]);
  if (dense.length > 0) rows.push(['dense layers', `${dense.length}, ${rangeOf(dense)} channels`]);
  if (!base) return rows;
  const { routed, whole } = removedRatios(base, parameters);
  const before = measure(base);
  return [
    ['removed of the routed experts', percent(routed)],
    ['removed of the whole model', percent(whole)],
    ['bytes of the routed experts', change(before.routedExperts.bytes, bytes.routed)],
    ['bytes of the weights', change(before.total.bytes, bytes.whole)],
    ...rows,
  ];
}

const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;

/** A layout may store more than the base, because it includes copies and zeros. */
function change(before: number, after: number): string {
  const saved = before === 0 ? 0 : 1 - after / before;
  const figure = saved < 0 ? `${percent(-saved)} more` : `${percent(saved)} less`;
  return `${after} of ${before}: ${figure}`;
}

function rangeOf(widths: readonly number[]): string {
  const [least, most] = [Math.min, Math.max].map((of) => widths.reduce((a, b) => of(a, b)));
  const mean = widths.reduce((sum, width) => sum + width, 0) / widths.length;
  return least === most ? `${least}` : `${least} to ${most}, ${mean.toFixed(1)} on average`;
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

/** A plan is untrusted: no text in it may break out of its table cell. */
function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[|[]/g, '\\$&').replaceAll('<', '&lt;');
}

function noteOf({ form, runsInTransformers }: CardFacts): string {
  if (form.kind === 'stock') return '';
  if (form.kind === 'flat') return flatNote;
  return runsInTransformers ? compactNote : ownNote;
}

const flatNote = `

The vLLM plugin of [Less-is-MoE](https://github.com/HectorHHZ/Less-is-MoE) loads this layout. It was written
after the description of the format and not tried with the plugin:

\`\`\`sh
VLLM_PLUGINS=less_is_moe_ragged vllm serve <path> --dtype bfloat16 --tensor-parallel-size 1 --enforce-eager
\`\`\``;

const ownNote = `

Only moepress reads the compact layout of this family: transformers does not ship its code, on which a
modeling file could build. The materialised layout loads wherever the base model does.`;

const compactNote = `

transformers 5 loads the compact layout with the small \`modeling_moepress.py\` beside it:

\`\`\`python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(path, trust_remote_code=True)
\`\`\``;
