import { openModel } from '@moepress/checkpoint';
import type { Evidence, Model } from '@moepress/core';
import { expertHits, gatedOutputNorms, weightFisher } from '@moepress/graph';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrate } from './calibration/calibrate.js';
import { Engine } from './engine/engine.js';
import { ModelRunner } from './runner.js';
import { fixtures } from './testing/golden.js';
import { compareViews } from './tools/compare/compare.js';
import { gram } from './tools/gram.js';
import { replayLayers } from './tools/replay/replay.js';
import { condensed, squaredDistance } from './tools/support.test.util.js';

let model: Model;
let sequences: readonly (readonly number[])[];
let runners: Readonly<Record<'resident' | 'streamed', ModelRunner>>;
let engine: Engine;
beforeAll(async () => {
  const golden = await fixtures[0]!.load();
  model = await openModel(golden.model);
  sequences = golden.sequences.slice(0, 2).map((ids) => ids.slice(0, 9));
  const open = (residency: 'resident' | 'streamed') =>
    ModelRunner.open(model, { residency, workers: 2, threads: 2, tokens: 12 });
  runners = { resident: await open('resident'), streamed: await open('streamed') };
  engine = new Engine({ workers: 2, threads: 2 });
});
afterAll(async () => {
  await Promise.all([engine.dispose(), ...Object.values(runners).map((runner) => runner.dispose())]);
});

interface Work {
  readonly signal?: AbortSignal;
  readonly progress?: () => void;
}

const numbersOf = ({ layers }: Evidence) => ({
  hits: layers.map((layer) => layer.read(expertHits, 'count')),
  norms: layers.map((layer) => layer.read(gatedOutputNorms, 'sum')),
  fisher: layers.map((layer) => layer.read(weightFisher, 'sum')),
});

const views = () => [[condensed(0, [[0, 0.5]])], [condensed(0, [[1, 0.25]]), condensed(1, [[2, 0.5]])]];

/** All kinds of calls, each of which looks at the sequences from one of them on. */
const calls: Readonly<Record<string, (first: number, work: Work) => Promise<unknown>>> = {
  score: (first, work) => runners.resident.scoreTokens(itemsFrom(first), work),
  'score, streamed': (first, work) => runners.streamed.scoreTokens(itemsFrom(first), work),
  generate: (first, work) => runners.resident.generate(sequences.slice(first), tokens(work)),
  'generate, streamed': (first, work) => runners.streamed.generate(sequences.slice(first), tokens(work)),
  'generate, chosen': (first, work) => {
    const choose = ({ logits }: { logits: Float32Array }) => secondOf(logits);
    return runners.resident.generate(sequences.slice(first), {
      ...tokens(work),
      chooser: { wants: () => true, choose },
    });
  },
  trace: (first, work) => runners.resident.trace(sequences.slice(first), work),
  calibrate: async (first, work) => {
    const set = { source: 'x', seed: 0, sequences: sequences.slice(first) };
    const statistics = [expertHits, gatedOutputNorms, weightFisher];
    return numbersOf(await calibrate(engine, { model, set, statistics, ...work }));
  },
  compare: (first, work) => {
    const bound = { engine, model, sequences: sequences.slice(first) };
    return compareViews(bound, { ...work, views: views(), criterion: squaredDistance });
  },
  gram: (first, work) => gram(engine, expertsOf(first), work),
  replay: async (first, work) => {
    const found: unknown[] = [];
    const bound = { engine, model, sequences: sequences.slice(first) };
    await replayLayers(bound, { ...work, layers: [1], criterion: squaredDistance }, async (layer) => {
      const weighted = { expert: 1, weight: 0.5 };
      // Methods may ask for several things at once while a layer is replayed, the engine's other services among them.
      found.push(await Promise.all([layer.tryExperts([weighted]), gram(engine, expertsOf(first), work)]));
      await layer.add(weighted);
      found.push(await compareViews(bound, { ...work, views: views(), criterion: squaredDistance }));
      found.push(await layer.tryExperts([weighted]));
    });
    return found;
  },
};

const itemsFrom = (first: number) => sequences.slice(first).map((ids) => ({ ids, from: 1 }));
const tokens = (work: Work) => ({ ...work, maxNewTokens: 3, eosTokenIds: [] });
const expertsOf = (first: number) => {
  const { ffn } = model.blocks[0]!;
  return ffn.kind === 'moe' ? ffn.pool.slice(first, first + 3).map(({ up }) => up) : [];
};

function secondOf(logits: Float32Array): number {
  const first = logits.indexOf(Math.max(...logits));
  return logits.indexOf(Math.max(...logits.filter((_, token) => token !== first)));
}

const known = new Map<string, unknown>();

/** The result of a call when nothing else uses the engine. */
async function alone(kind: string, first: number): Promise<unknown> {
  const key = `${kind} ${first}`;
  if (!known.has(key)) known.set(key, await calls[kind]!(first, {}));
  return known.get(key);
}

const asked = fc.record({
  kind: fc.constantFrom(...Object.keys(calls)),
  first: fc.nat({ max: 1 }),
  /** After so many progress events of its own the call is aborted; null: it is not. */
  aborted: fc.option(fc.nat({ max: 3 }), { freq: 3 }),
});

describe('calls that overlap', () => {
  it('give what they give alone, bit for bit, whoever is aborted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 2, maxLength: 5 }), async (given) => {
        const expected: unknown[] = [];
        for (const { kind, first } of given) expected.push(await alone(kind, first));
        const outcomes = await Promise.allSettled(
          given.map(({ kind, first, aborted }) => {
            if (aborted === null) return calls[kind]!(first, {});
            const controller = new AbortController();
            let left = aborted;
            const progress = () => left-- === 0 && controller.abort();
            return calls[kind]!(first, { signal: controller.signal, progress });
          }),
        );
        for (const [i, outcome] of outcomes.entries()) {
          if (outcome.status === 'fulfilled') expect(outcome.value).toEqual(expected[i]);
          else {
            expect(given[i]!.aborted).not.toBeNull();
            expect(outcome.reason).toMatchObject({ code: 'ABORTED' });
          }
        }
      }),
      { numRuns: 8 },
    );
  });

  it('end before a runner or an engine closes, and are refused afterwards', async () => {
    const runner = await ModelRunner.open(model, { residency: 'streamed', workers: 1, threads: 1 });
    const own = new Engine({ workers: 1, threads: 1 });
    const under = [runner.score(itemsFrom(0)), runner.trace(sequences), gram(own, expertsOf(0))];
    await Promise.all([runner.dispose(), own.dispose()]);
    await Promise.all(under);
    const late = [
      () => runner.score(itemsFrom(0)),
      () => runner.generate(sequences, tokens({})),
      () => gram(own, expertsOf(0)),
    ];
    for (const call of late) await expect(call()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    await Promise.all([runner.dispose(), own.dispose()]);
  });
});
