import { type LearnedRecord, type Model, measure, moeBlocks, planHash, removedRatios } from '@moepress/core';
import type { CardFacts } from './card-facts.js';
import { sharesExperts } from './placement.js';
import { describePrediction } from './prediction.js';
import { expertWidths } from './widths.js';

/** What the card says about how a checkpoint was made and what it saves, row by row. */
export function cardRows(facts: CardFacts): Row[] {
  return [...methodRows(facts), ...sizeRows(facts), ...calibrationRows(facts)];
}

/** A line of a table of the card. */
export type Row = readonly [name: string, value: string];

function methodRows({
  model,
  plan,
  form,
  quantised,
  quantise,
  requantised = [],
  prediction,
}: CardFacts): Row[] {
  const rows: Row[] = [['layout', layoutOf(form, model)]];
  if (requantised.length > 0) rows.push(['weights', `${requantised.length} quantised anew in their format`]);
  if (quantise)
    rows.push(['weights', `quantised to ${quantise}, but for routers, embeddings, head and norms`]);
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
  const idle = form.idle ? ', with experts that are never selected up to a common number of them' : '';
  return `stock${copies}${zerosNotes[form.zeros]}${idle}`;
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
export function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[|[]/g, '\\$&').replaceAll('<', '&lt;');
}
