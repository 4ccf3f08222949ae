import { openModel } from '@moepress/checkpoint';
import { type Block, type ExpertStatistic, type Model, moeBlocks, type Statistic } from '@moepress/core';
import {
  add,
  cast,
  concat,
  mlpSequenceMaskFisher,
  mlpTokenMaskFisher,
  reduceSum,
  sequenceMaskFisher,
  square,
  timesNumber,
  tokenMaskFisher,
  unsqueeze,
  weightFisher,
  weightGradientMagnitude,
} from '@moepress/graph';
import { expect } from 'vitest';
import { backwardPass } from '../backward/backward-pass.js';
import type { Engine } from '../engine/engine.js';
import { streamedRun } from '../forward/model-run.js';
import { negativeLogLikelihoods } from '../forward/trace.js';
import type { ModelRunner } from '../runner.js';
import { gradientKey } from '../states/batch-states.js';
import { expectFew } from './few.test.util.js';
import { type Golden, maxDifference } from './golden.js';

/** One padded batch of all sequences has the logits, hidden states and routing of transformers; so have they as few sequences that grow. */
export async function expectTraces(runner: ModelRunner, golden: Golden, tolerance = 2e-4): Promise<void> {
  const traces = await runner.trace(golden.sequences);
  for (const [i, trace] of traces.entries()) {
    const ids = golden.sequences[i]!;
    const logits = await golden.floats(`s${i}.logits`);
    if (logits) expect(maxDifference(trace.logits.data as Float32Array, logits)).toBeLessThan(tolerance);
    const hidden = await golden.floats(`s${i}.hidden`);
    if (hidden) expect(maxDifference(stacked(trace.hidden), hidden)).toBeLessThan(tolerance);
    const nll = negativeLogLikelihoods(trace.logits, ids);
    expect(Math.abs(mean(nll) - golden.nllMean[i]!)).toBeLessThan(1e-5);
    const weights = await golden.floats(`s${i}.topk_weight`);
    const routed = stacked(trace.routing.map((layer) => layer.weights));
    expect(maxDifference(routed, weights ?? [])).toBeLessThan(tolerance / 10);
    const selected = golden.ints(`s${i}.topk_idx`) ?? [];
    expect(stacked(trace.routing.map((layer) => layer.selected))).toEqual(selected);
  }
  const continued = traces.map(({ logits }, i) => ({
    ids: golden.sequences[i]!,
    logits: logits.data as Float32Array,
    greedy: golden.greedy[i]!,
  }));
  await expectFew(await openModel(golden.model), continued);
}

/** Scores are those of transformers, and so are 16 greedy tokens. */
export async function expectAnswers(runner: ModelRunner, golden: Golden): Promise<void> {
  const scores = await runner.score(golden.sequences.map((ids) => ({ ids, from: 1 })));
  for (const [i, { logprob }] of scores.entries()) {
    const nllMean = -logprob / (golden.sequences[i]!.length - 1);
    expect(Math.abs(nllMean - golden.nllMean[i]!)).toBeLessThan(1e-5);
  }
  const options = { maxNewTokens: 16, eosTokenIds: [] };
  expect(await runner.generate(golden.sequences, options)).toEqual(golden.greedy);
  const continued = golden.sequences.map((ids, i) => ({
    ids: [...ids, ...golden.greedy[i]!],
    from: ids.length,
  }));
  expect((await runner.score(continued)).map(({ isGreedy }) => isGreedy)).toEqual(
    golden.sequences.map(() => true),
  );
}

/** Losses, gradients and Fisher scores are those of torch. */
export async function expectGradients(engine: Engine, golden: Golden): Promise<void> {
  const model = await openModel(golden.model);
  const statistics = [
    tokenMaskFisher,
    sequenceMaskFisher,
    routerGradient,
    weightFisher,
    formedWeightFisher,
    weightGradientMagnitude,
    mlpTokenMaskFisher,
    mlpSequenceMaskFisher,
  ];
  const measured = new Map<string, Float64Array[]>();
  const hidden = new Map<number, Float32Array[]>();
  let losses: readonly number[] = [];
  const scope = engine.scope();
  await backwardPass(streamedRun(engine, scope, model), golden.sequences, {
    statistics,
    lowest: 0,
    storage: { folder: null, memory: Number.POSITIVE_INFINITY },
    isKnown: () => false,
    losses: (means) => {
      losses = means;
    },
    measured(block, index, results) {
      for (const name of Object.keys(results).filter((key) => key.includes('/'))) {
        const own = measured.get(`${block.index}:${name}`) ?? [];
        own[index] = results[name]!.data as Float64Array;
        measured.set(`${block.index}:${name}`, own);
      }
    },
    async visit(block, states) {
      const gradients = await Promise.all(
        states.batches.map((batch) => states.tensor(batch, gradientKey(block.index)).read()),
      );
      hidden.set(
        block.index,
        gradients.map(({ data }) => data as Float32Array),
      );
    },
  });
  await scope.close();
  expect(losses).toHaveLength(golden.sequences.length);
  for (const [i, loss] of losses.entries()) expect(Math.abs(loss - golden.nllMean[i]!)).toBeLessThan(1e-5);

  const layers = moeBlocks(model).map(({ index }) => index);
  // The references of further families hold only the gradients of hidden states.
  const hasFisher = (await golden.floats('fisher.token.mean')) !== undefined;
  for (const [m, layer] of layers.entries()) {
    const of = (statistic: Statistic) => measured.get(`${layer}:${statistic.name}/sum`)!;
    for (const [statistic, name] of [
      [tokenMaskFisher, 'fisher.token.mean'],
      [sequenceMaskFisher, 'fisher.mask.mean'],
    ] as const) {
      const all = await golden.floats(name);
      expect(all !== undefined).toBe(hasFisher);
      if (!all) continue;
      const size = all.length / layers.length;
      expect(relative(sum(of(statistic)), all.slice(m * size, (m + 1) * size))).toBeLessThan(1e-4);
    }
    const router = await golden.floats(`grad.router.layer${layer}`);
    if (router) expect(relative(sum(of(routerGradient)), router)).toBeLessThan(1e-4);
    for (const values of [...of(weightFisher), ...of(weightGradientMagnitude)]) {
      expect(values.every((x) => x >= 0)).toBe(true);
    }
    for (const [i, lengths] of of(weightFisher).entries()) {
      expect(relative(lengths, of(formedWeightFisher)[i]!)).toBeLessThan(1e-5);
    }
  }
  for (const block of model.blocks) {
    const reference = `fisher.mlp.${downProjection(block, model)}.seq`;
    const tokenMasks = await golden.floats(`${reference}.token`);
    const maskGradients = await golden.floats(`${reference}.mask_grad`);
    if (hasFisher) {
      const name = `${block.index}:${mlpTokenMaskFisher.name}/sum`;
      expect(measured.has(name)).toBe(tokenMasks !== undefined);
    }
    if (!tokenMasks) continue;
    for (const [statistic, all] of [
      [mlpTokenMaskFisher, tokenMasks],
      [mlpSequenceMaskFisher, maskGradients!.map((gradient) => gradient ** 2)],
    ] as const) {
      const bySequence = measured.get(`${block.index}:${statistic.name}/sum`)!;
      const width = all.length / bySequence.length;
      for (const [s, actual] of bySequence.entries()) {
        expect(relative(actual, all.slice(s * width, (s + 1) * width))).toBeLessThan(1e-4);
      }
    }
  }
  for (const i of golden.sequences.keys()) {
    const expected = await golden.floats(`s${i}.grad_hidden`);
    if (!expected) continue;
    for (const { index } of model.blocks) {
      const actual = hidden.get(index)![i]!;
      expect(
        relative(actual, expected.slice(index * actual.length, (index + 1) * actual.length)),
      ).toBeLessThan(1e-4);
    }
  }
}

const routerGradient: ExpertStatistic = {
  name: 'router-gradient',
  version: 1,
  pass: 'backward',
  collect: (_, { gradients }) => ({ sum: cast(gradients!.routerWeight, 'float64') }),
};

/** The paper's formula as it stands, from the gradients of the weights. */
const formedWeightFisher: ExpertStatistic = {
  name: 'formed-weight-fisher',
  version: 1,
  pass: 'backward',
  collect: (_, { gradients }) => ({
    sum: concat(
      gradients!.experts.map(({ gate, up, down }) => {
        const rows = [...(gate ? [gate] : []), up].map((weight) => reduceSum(square(weight), [1]));
        const lengths = rows.reduce(add, reduceSum(square(down), [0]));
        return unsqueeze(cast(timesNumber(lengths, 1 / Number(up.shape[1])), 'float64'), 0);
      }),
      0,
    ),
  }),
};

/** Largest difference, as a share of the largest reference value. */
const relative = (actual: ArrayLike<number>, expected: Float32Array | Float64Array) =>
  maxDifference(actual, expected) / [...expected].reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Name that the reference has for the MLP that all tokens go through. */
const downProjection = ({ index, ffn }: Block, { architecture }: Model) => {
  const shared = architecture === 'qwen2_moe' ? 'shared_expert' : 'shared_experts';
  return `model.layers.${index}.mlp.${ffn.kind === 'dense' ? '' : `${shared}.`}down_proj`;
};

const sum = (parts: readonly Float64Array[]) =>
  parts.reduce((total, part) => total.map((x, i) => x + part[i]!));

function stacked(tensors: readonly { data: ArrayLike<number | bigint> }[]): number[] {
  return tensors.flatMap(({ data }) => Array.from(data, Number));
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
