/** Plans of operations that no method decides as round-trips.mjs needs them: layers of a model from what was measured. */
import { createRng, layerEvidence, moeBlocks } from '@moepress/core';
import { reap } from '@moepress/plugin-baselines';

/**
 * Expert dropping by one ranking over all layers (REAP, arXiv 2510.13999): the experts with the lowest scores go wherever
 * they are, but each layer keeps as many as its router selects, and groups of a router one size.
 */
export function globalReap(model, evidence, ratio) {
  const ranked = moeBlocks(model).map(({ index, ffn }) => {
    const scores = reap.score(layerEvidence(evidence, index), { ffn, rng: createRng(0) });
    const { groups, topK } = ffn.router;
    const count = groups?.count ?? 1;
    const size = ffn.slots.length / count;
    const order = Array.from({ length: count }, (_, g) =>
      Array.from({ length: size }, (_, i) => g * size + i).sort((a, b) => scores[a] - scores[b]),
    );
    const least = Math.max(Math.ceil(topK / (groups?.selected ?? 1)), groups?.by === 'top-2-sum' ? 2 : 1);
    // Step i drops the i-th lowest of every group.
    const steps = Array.from({ length: size - least }, (_, i) => ({
      index,
      experts: order.map((own) => own[i]),
      score: Math.max(...order.map((own) => scores[own[i]])),
    }));
    return { index, slots: ffn.slots.length, count, steps };
  });
  const total = ranked.reduce((sum, { slots }) => sum + slots, 0);
  const gone = new Map(ranked.map(({ index }) => [index, []]));
  let left = Math.floor(total * ratio);
  for (const { index, experts } of ranked.flatMap(({ steps }) => steps).sort((a, b) => a.score - b.score)) {
    if (experts.length > left) continue;
    gone.get(index).push(...experts);
    left -= experts.length;
  }
  return ranked.flatMap(({ index: layer, slots }) => {
    const experts = [...Array(slots).keys()].filter((slot) => !gone.get(layer).includes(slot));
    return experts.length === slots ? [] : [{ layer, ops: [{ op: 'keep-experts', experts }] }];
  });
}

/** Every other layer with experts selects one less. */
export function fewerActive(model) {
  return moeBlocks(model).flatMap(({ index: layer, ffn: { router } }, i) =>
    i % 2 === 0 && router.topK > 2 ? [{ layer, ops: [{ op: 'set-top-k', topK: router.topK - 1 }] }] : [],
  );
}

/** Experts are merged in pairs, those of the second in reverse order of their channels. */
export function pairs(model) {
  return moeBlocks(model).map(({ index: layer, ffn }) => {
    const order = Buffer.alloc(2 * ffn.pool[0].width);
    for (let i = 0; i < ffn.pool[0].width; i++) order.writeUInt16LE(ffn.pool[0].width - 1 - i, 2 * i);
    const groups = Array.from({ length: Math.floor(ffn.slots.length / 2) }, (_, i) => ({
      experts: [2 * i, 2 * i + 1],
      weights: [0.75, 0.25],
      permutations: [null, order.toString('base64')],
    }));
    return { layer, ops: [{ op: 'merge-experts', groups }] };
  });
}

/** One layer loses its attention, another its FFN, and a third both, as far as there are so many. */
export function missingParts(model) {
  const has = { 'drop-attention': 'attention', 'drop-ffn': 'ffn' };
  const drop = (op, from) =>
    model.blocks.find((block) => block.index >= from && block[has[op]].kind !== 'none');
  const attention = drop('drop-attention', 0);
  const ffn = drop('drop-ffn', attention.index + 1);
  const third = model.blocks[(ffn ?? attention).index + 1];
  return [
    { layer: attention.index, ops: [{ op: 'drop-attention' }] },
    ...(ffn && !ffn.outputScale ? [{ layer: ffn.index, ops: [{ op: 'drop-ffn' }] }] : []),
    ...(third ? [{ layer: third.index, ops: [{ op: 'drop-block' }] }] : []),
  ];
}

const encode = (numbers) => Buffer.from(Float32Array.from(numbers).buffer).toString('base64');

/** Every other expert yields a constant. */
export function constants(model) {
  const rng = createRng(0);
  return moeBlocks(model).map(({ index: layer, ffn }) => {
    const experts = [...ffn.slots.keys()].filter((slot) => slot % 2 === 1);
    const values = () => encode(Array.from({ length: ffn.pool[0].down.shape[0] }, () => rng.next() - 0.5));
    return {
      layer,
      ops: [{ op: 'replace-by-constant', experts: experts.map((expert) => ({ expert, values: values() })) }],
    };
  });
}

/** Scores are shifted where experts are selected. */
export function shifted(model) {
  const rng = createRng(0);
  return moeBlocks(model).map(({ index: layer, ffn }) => ({
    layer,
    ops: [{ op: 'shift-router', bias: encode(ffn.slots.map(() => rng.next() - 0.5)) }],
  }));
}
