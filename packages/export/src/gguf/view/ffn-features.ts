import type { Mlp, Model, MoeFfn, Router, SharedExpert } from '@moepress/core';
import type { Feature } from '../architectures/feature-texts.js';

/** What the FFNs of a view compute. */
export function* ffnFeatures({ blocks }: Model): Generator<Feature> {
  const kinds = blocks.map(({ ffn }) => ffn.kind);
  if (!kinds.includes('moe')) yield 'no-experts';
  else if (kinds.includes('dense')) {
    const first = kinds.indexOf('moe');
    yield kinds.lastIndexOf('dense') < first ? 'dense-prefix' : 'dense-between';
  }
  for (const { ffn } of blocks) {
    if (ffn.kind === 'none') continue;
    if (ffn.kind === 'moe') yield* moe(ffn);
    else yield* mlp(ffn.mlp, 'dense-bias');
    if (ffn.shared) yield* shared(ffn.shared);
  }
}

function* moe({ router, pool, shared: beside, latent }: MoeFfn): Generator<Feature> {
  yield 'experts';
  if (!beside) yield 'no-shared';
  if (latent) yield 'expert-latent';
  for (const expert of pool) yield* mlp(expert, 'expert-bias');
  yield* routing(router);
}

function* shared({ mlp: own, gate, averaged }: SharedExpert): Generator<Feature> {
  yield 'shared';
  yield gate ? 'shared-gate' : 'no-shared-gate';
  if (averaged) yield 'shared-average';
  yield* mlp(own, 'shared-bias');
}

function* mlp({ gate, bias, activation }: Mlp, biased: Feature): Generator<Feature> {
  if (bias) yield biased;
  if (!gate) yield 'ungated';
  if (activation.kind === 'clamped-swiglu') {
    const isKnown = Math.abs(activation.alpha - 1.702) < 1e-6 && activation.limit === 7;
    yield isKnown ? 'clamped-swiglu' : 'other-activation';
  } else if (activation.kind === 'geglu' && activation.approximate === 'tanh') yield 'gelu-tanh';
  else if (activation.kind !== 'swiglu') yield 'other-activation';
}

function* routing(router: Router): Generator<Feature> {
  const { groups } = router;
  yield router.scoring;
  yield router.normalise ? 'normalised' : 'unnormalised';
  if (router.bias) yield 'router-bias';
  yield router.selectionBias ? 'selection-bias' : 'no-selection-bias';
  if (groups && groups.selected < groups.count) {
    yield groups.by === 'max' ? 'groups-by-best' : 'groups-by-sum';
  }
  if (router.mixerThreshold !== undefined) yield 'mixer-weights';
  if (router.weighs) yield 'weighted-inputs';
  if (router.scale !== 1) yield 'router-scale';
  if (router.input) yield 'router-input';
  if (router.slotScales) yield 'slot-scales';
}
