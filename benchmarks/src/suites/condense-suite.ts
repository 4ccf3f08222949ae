import { openModel } from '@moepress/checkpoint';
import {
  type Criterion,
  createRng,
  type Evidence,
  type MethodTools,
  type Model,
  moeBlocks,
  PluginRegistry,
  parseOptions,
} from '@moepress/core';
import { toyEvidence } from '@moepress/core/testing';
import { cast, reduceSum } from '@moepress/graph';
import { Engine, engineTools } from '@moepress/runtime';
import { gigabytes, walks } from '../flops.js';

/** The published search has 100 texts of this length; time grows with their number in a straight line. */
const length = 256;
const texts = { experts: 32, layers: 2 } as const;
const kept = 6;
const [depth, condensed] = [16, 4] as const;
/** Bytes that states may take: the outputs of all experts stay in memory. */
const memory = 12e9;

/** A criterion that compares nothing, for the unchanged model. */
const criterion: Criterion = {
  name: 'sum',
  distanceFrom: () => (candidate) => cast(reduceSum(candidate, [1]), 'float64'),
};

/** Plugins are found by name, here as anywhere. */
const registry = new PluginRegistry({
  installed: async () => [],
  load: async (name) => ({ version: 'benchmark', plugin: (await import(name)).default }),
});

/**
 * CD-MoE's search for experts beside the forward pass of the same layer over the same tokens, which trying
 * each candidate in the model would take once; and how many runs of a block its search for layers saves.
 */
export async function condenseSuite(directory: string, narrow: string): Promise<void> {
  const base = await openModel(directory);
  const engine = new Engine();
  try {
    await timeExperts(engine, { ...base, blocks: base.blocks.slice(0, 1) });
    // Sizes do not matter to a count.
    await countBlockRuns(engine, repeated(await openModel(narrow), depth));
  } finally {
    await engine.dispose();
  }
}

async function timeExperts(engine: Engine, model: Model): Promise<void> {
  const sequences = walks(model, texts.experts, length);
  const tools = engineTools(engine, async () => ({ model, sequences, carried: memory }));
  const forward = () => timed(() => tools.compareViews({ views: [], criterion }));
  // The first pass pays for reading the file.
  await forward();
  const before = await forward();
  const { caching, search } = await timeSearch(model, tools);
  const seconds = (before + (await forward())) / 2;
  const candidates = moeBlocks(model)[0]!.ffn.pool.length;
  const trials = Array.from({ length: kept }, (_, i) => candidates - i).reduce((sum, n) => sum + n);
  const tokens = texts.experts * length;
  const bytes = tokens * candidates * model.config.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  const show = (what: string, time: number) =>
    console.log(`  ${what}: ${time.toFixed(1)} s, ${(time / seconds).toFixed(2)} x the layer's forward pass`);
  console.log(`condensing one layer, ${tokens} tokens, forward ${seconds.toFixed(1)} s`);
  show(`outputs of all ${candidates} experts, ${gigabytes(bytes)}`, caching);
  show(`search for ${kept} experts, ${trials} trials`, search);
}

/** The method's own search, the making of its cache apart. */
async function timeSearch(model: Model, tools: MethodTools): Promise<{ caching: number; search: number }> {
  let [caching, search] = [0, 0];
  const begin = performance.now();
  await plan(model, { layers: [0], experts: kept }, evidenceOf(model), {
    ...tools,
    replayLayers: (request, visit) =>
      tools.replayLayers(request, async (layer) => {
        caching = (performance.now() - begin) / 1000;
        search = await timed(() => visit(layer));
      }),
  });
  return { caching, search };
}

async function countBlockRuns(engine: Engine, model: Model): Promise<void> {
  const sequences = walks(model, texts.layers, length);
  const tools = engineTools(engine, async () => ({ model, sequences, carried: memory }));
  const experts = Array.from({ length: kept }, (_, e) => e);
  const selection = {
    experts: Object.fromEntries(model.blocks.map(({ index }) => [index, experts])),
    weights: {},
  };
  const options = { condenseLayers: condensed, experts: kept, selection };
  let details: Readonly<Record<string, unknown>> | undefined;
  const seconds = await timed(async () => {
    ({ details } = await plan(model, options, null, tools));
  });
  const { shared, separate } = details!.blockRuns as { shared: number; separate: number };
  console.log(
    `  search for ${condensed} of ${depth} layers: ${shared} runs of a block where each view by itself takes ${separate} (${(shared / separate).toFixed(2)}), ${seconds.toFixed(1)} s for ${texts.layers * length} tokens`,
  );
}

async function plan(model: Model, given: object, evidence: Evidence | null, tools: MethodTools) {
  const { compressor } = await registry.find('cd-moe');
  const options = parseOptions(compressor, given);
  return compressor.plan({ model, evidence, options, rng: createRng(0), tools });
}

/** Every expert with the same mean weight. */
function evidenceOf(model: Model): Evidence {
  const layers = moeBlocks(model).map(({ index, ffn }) => {
    const each = (value: number) => ffn.pool.map(() => value);
    return [index, { 'expert-hits': { count: each(100) }, 'gate-weight-sums': { sum: each(6) } }];
  });
  return toyEvidence(Object.fromEntries(layers));
}

/** A deeper model over the same file. */
function repeated(base: Model, layers: number): Model {
  const blocks = Array.from({ length: layers }, (_, index) => ({
    ...base.blocks[index % base.blocks.length]!,
    index,
  }));
  return { ...base, blocks, config: { ...base.config, layers } };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}
