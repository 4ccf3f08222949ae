import {
  type AttentionBlock,
  type Block,
  type FfnBlock,
  hasFfn,
  isRecurrent,
  type Model,
  type Recurrence,
  type Statistic,
  type Value,
} from '@moepress/core';
import { builderOf, cast, GraphBuilder, type GraphIR, gather, reduceSum } from '@moepress/graph';
import { type DeviceTraits, traitsOf } from '../devices/traits.js';
import { paddedDimOf } from './attention/heads.js';
import { keyDimOf } from './attention/indexer.js';
import { paddedAttention } from './attention/padded.js';
import { present } from './attention/present.js';
import { treeAttention } from './attention/tree.js';
import { valueDimOf } from './attention/value-dim.js';
import { chunkInputs } from './delta-rule/chunks.js';
import { moeFfn, openFfn, partsOf } from './ffn.js';
import { paddedInputs, treeInputs } from './inputs.js';
import type { NormOptions } from './norm.js';
import { chunkLengthOf, type MixerStates, mixed, windowOf } from './recurrence/mixer.js';
import { attentionInput, ffnInputOf, withBranch } from './residual.js';
import type { Routing } from './router/route.js';
import { type CountedRows, countedRows, measureAttention, outputStatistics } from './statistics.js';
import { blockTaps } from './taps.js';

/** What a block's graph yields besides the hidden states. */
export interface BlockOutputs {
  /** `routerLogits`, `selected` (int32) and `weights` of an MoE block. */
  readonly routing?: boolean;
  /**
   * Keys and values of tokens before the batch's come in as `pastKey`, `pastValue`, and go out. Where attention is over
   * trees: those of P tokens that all sequences share, [kvHeads, P, D] and [kvHeads, P, V]; out come the batch's own as
   * `ownKey`, `ownValue`, alike with T rows, and of the hidden states those of `rows` int32 [R] only. Where it is over padded sequences: those of each, [B, kvHeads, past, D]; out
   * come the batch's own, [B, S, kvHeads * D], or all of them as `presentKey`, `presentValue` if they may stay on the device.
   * A recurrence takes none; out comes what stays of each sequence, `ownState` and `ownTail`, see `MixerStates`.
   */
  readonly cache?: boolean;
  /** Whether the states of a recurrence are in double precision: what gradients are taken at; see `DeltaOptions`. */
  readonly exact?: boolean;
  /** `ffnInput` [T, H]: what router and experts see. */
  readonly ffnInput?: boolean;
  /** Sums over the batch's tokens, each named by `statisticOutput`. */
  readonly statistics?: readonly Statistic[];
  /** Whether these are sums over the tokens at the rows `counted` int32 [M] alone. */
  readonly counted?: boolean;
}

/**
 * One decoder layer: `hidden` [T, H] to `hiddenOut` [T, H]. `finite` is the sum of the output: NaN
 * or infinity in any element makes it so too. `traits` are those of the device it is for, the processor by default.
 */
export function blockGraph(
  model: Model,
  block: Block,
  outputs: BlockOutputs = {},
  traits: DeviceTraits = traitsOf.cpu,
): GraphIR {
  const { hiddenSize } = model.config;
  const graph = new GraphBuilder(`block.${block.index}`);
  const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
  const rows = outputs.cache && traits.attention === 'tree' ? graph.input('rows', 'int32', ['R']) : null;
  const counted = countedRows(graph, outputs);
  const attended = graph.scoped('attention', (): ReturnType<AttentionPart> | null => {
    if (block.attention.kind === 'none') return null;
    const x = attentionInput(hidden, block, model);
    const { cache = false, exact = false } = outputs;
    if (isRecurrent(block))
      return recurrence(graph, x, block.attention, { norms: model.config, cache, exact, rows });
    const attended = attentions[traits.attention](graph, x, block as AttentionBlock, {
      norms: model.config,
      cache,
      rows,
      traits,
    });
    measureAttention(graph, { layer: block.index, input: x, heads: attended.heads! }, outputs, counted);
    return attended;
  });
  const came = rows ? gather(hidden, rows) : hidden;
  const residual = attended ? withBranch(came, attended.output, { part: 'attention', block, model }) : came;
  const hiddenOut = hasFfn(block)
    ? throughFfn(block, { came, residual }, { model, outputs, counted, traits })
    : residual;
  graph.output('hiddenOut', hiddenOut, { onDevice: true });
  graph.output('finite', reduceSum(hiddenOut, [0, 1]));
  for (const [name, value] of Object.entries(attended?.kept ?? {})) {
    graph.output(name, value, { onDevice: traits.keepsOutputs });
  }
  return graph.finish();
}

/** `residual` [T, H], which attention made of `came`, with what the FFN adds to it. */
function throughFfn(
  block: FfnBlock,
  states: { readonly came: Value; readonly residual: Value },
  {
    model,
    outputs,
    counted,
    traits,
  }: {
    readonly model: Model;
    readonly outputs: BlockOutputs;
    readonly counted: CountedRows;
    readonly traits: DeviceTraits;
  },
): Value {
  const graph = builderOf(states.came.graph);
  const ffnInput = ffnInputOf(states, block, model);
  const ffnOutput = graph.scoped('ffn', () =>
    ffn(graph, { ffnInput, residual: states.residual }, block, {
      ...outputs,
      counted,
      model,
      branches: traits.branches,
    }),
  );
  if (outputs.ffnInput) graph.output('ffnInput', ffnInput, { onDevice: true });
  return withBranch(states.residual, ffnOutput, { part: 'ffn', block, model });
}

/** x [T, H] to [T, H], and the keys and values that go out, by the names of the outputs. */
type AttentionPart = (
  graph: GraphBuilder,
  x: Value,
  block: AttentionBlock,
  options: {
    readonly norms: NormOptions;
    readonly cache: boolean;
    readonly rows: Value | null;
    readonly traits: DeviceTraits;
  },
) => {
  readonly output: Value;
  readonly kept: Readonly<Record<string, Value>>;
  /** What the output projection is multiplied with; absent in recurrences. */
  readonly heads?: Value;
};

const attentions: Readonly<Record<DeviceTraits['attention'], AttentionPart>> = {
  tree(graph, x, { attention }, { norms, cache, rows }) {
    const { kvHeads, rope } = attention;
    const past = cache && {
      key: graph.input('pastKey', 'float32', [kvHeads, 'P', keyDimOf(attention)]),
      value: graph.input('pastValue', 'float32', [kvHeads, 'P', valueDimOf(attention)]),
    };
    const tokens = treeInputs(graph, rope, rows);
    const { output, heads, own } = treeAttention(x, attention, { tokens, prefix: past || null, norms });
    return { output, heads, kept: past ? { ownKey: own.key, ownValue: own.value } : {} };
  },
  padded(graph, x, { attention }, { norms, cache, traits }) {
    const shape = ['B', attention.kvHeads, 'past', paddedDimOf(attention)];
    const past = cache && {
      key: graph.input('pastKey', 'float32', shape),
      value: graph.input('pastValue', 'float32', shape),
    };
    const batch = paddedInputs(graph, attention.rope);
    const { output, heads, own } = paddedAttention(x, attention, { batch, past: past || null, norms });
    if (!past) return { output, heads, kept: {} };
    if (!traits.keepsOutputs) return { output, heads, kept: { ownKey: own.key, ownValue: own.value } };
    const { key, value } = present(past, own, batch);
    return { output, heads, kept: { presentKey: key, presentValue: value } };
  },
};

/** The same for a recurrence in place of attention: the states of the sequences are outputs, see `MixerStates`. */
function recurrence(
  graph: GraphBuilder,
  x: Value,
  spec: Recurrence,
  {
    norms,
    cache,
    exact,
    rows,
  }: {
    readonly norms: NormOptions;
    readonly cache: boolean;
    readonly exact: boolean;
    readonly rows: Value | null;
  },
): ReturnType<AttentionPart> {
  const chunks = chunkInputs(graph, windowOf(spec), chunkLengthOf(spec));
  const { output, states } = mixed(x, spec, { chunks, epsilon: norms.rmsNormEps, exact });
  return {
    output: rows ? gather(output, rows) : output,
    kept: cache ? keptStates(states) : {},
  };
}

const keptStates = ({ state, tail }: MixerStates): Record<string, Value> => ({
  ...(state && { ownState: state }),
  ...(tail && { ownTail: tail }),
});

function ffn(
  graph: GraphBuilder,
  states: { readonly ffnInput: Value; readonly residual: Value },
  block: FfnBlock,
  {
    routing,
    statistics = [],
    counted,
    branches,
    model,
  }: Omit<BlockOutputs, 'counted'> &
    Pick<DeviceTraits, 'branches'> & { readonly model: Model; readonly counted: CountedRows },
): Value {
  const x = states.ffnInput;
  const parts = partsOf(block, model);
  const rows = counted();
  if (rows) {
    const counts = { ffnInput: gather(x, rows), residual: gather(states.residual, rows) };
    // Everything that is measured of these tokens follows from them alone.
    const own = graph.scoped('counted', () => openFfn(counts.ffnInput, block.ffn, { parts }));
    outputStatistics(graph, statistics, blockTaps(block.index, counts, own));
    return ffn(graph, states, block, { ...(routing && { routing }), counted: () => null, branches, model });
  }
  if (block.ffn.kind === 'moe' && statistics.length === 0 && branches) {
    const values = moeFfn(x, block.ffn, parts);
    if (routing) outputRouting(graph, values.routing);
    return values.output;
  }
  const values = openFfn(x, block.ffn, { parts });
  if (routing && values.routed) outputRouting(graph, values.routed.routing);
  outputStatistics(graph, statistics, blockTaps(block.index, states, values));
  return values.output;
}

function outputRouting(graph: GraphBuilder, routing: Routing): void {
  graph.output('routerLogits', routing.logits);
  graph.output('selected', cast(routing.selected, 'int32'));
  graph.output('weights', routing.weights);
}
