import type { RecurrentBlock, Value } from '@moepress/core';
import { builderOf, reshape, transpose, unsqueeze, where } from '@moepress/graph';
import {
  type MixerStates,
  mixedStep,
  type StatePart,
  statePartsOf,
  stateSizes,
} from '../decoder/recurrence/mixer.js';
import { bySequence, sizes, type TokenInputs } from './token-inputs.js';

/** What caches call the parts of a recurrence: as transformers.js does by family. */
function cacheName(part: StatePart, { attention, index }: RecurrentBlock): string {
  if (part === 'tail') return `conv.${index}`;
  return `${attention.kind === 'state-space' ? 'ssm' : 'recurrent'}.${index}`;
}

/**
 * x [T, H] to [T, H] through a recurrence, a token of all sequences after the other, from the states that come in as
 * `past_conv.<layer>` and `past_recurrent.<layer>` or `past_ssm.<layer>`, [B, 1, size] in fp32, zeros at first; those after the last
 * token go out as `present_conv.<layer>` and so on. Places without a token change no state.
 */
export function tokenStates(
  x: Value,
  block: RecurrentBlock,
  { tokens, epsilon }: { readonly tokens: TokenInputs; readonly epsilon: number },
): Value {
  const graph = builderOf(x.graph);
  const parts = statePartsOf(block.attention);
  const lengths = stateSizes(block.attention);
  const before = parts.map((part) =>
    graph.input(`past_${cacheName(part, block)}`, 'float32', [sizes.batch, 1, lengths[part]!]),
  );
  // [S, B, H] and [S, B]
  const steps = transpose(bySequence(x, tokens), [1, 0, 2]);
  const isToken = transpose(tokens.isToken, [1, 0]);
  const { states, outputs } = graph.scanWithStates(before, [steps, isToken], {
    body: (own, [token, known]) => {
      const one = nextStates(token!, block, { parts, own, epsilon });
      const kept = one.states.map((state, i) => where(asState(known!), state, own[i]!));
      return { states: kept, outputs: [one.output] };
    },
  });
  parts.forEach((part, i) => {
    graph.output(`present_${cacheName(part, block)}`, states[i]!);
  });
  const width = Number(outputs[0]!.shape[2]);
  return reshape(transpose(outputs[0]!, [1, 0, 2]), [-1, width], ['T', width]);
}

/** bool [B] beside states [B, 1, size]. */
const asState = (known: Value): Value => unsqueeze(unsqueeze(known, 1), 2);

function nextStates(
  token: Value,
  { attention }: RecurrentBlock,
  {
    parts,
    own,
    epsilon,
  }: { readonly parts: readonly StatePart[]; readonly own: readonly Value[]; readonly epsilon: number },
): { readonly output: Value; readonly states: readonly Value[] } {
  const before = Object.fromEntries(parts.map((part, i) => [part, own[i]!])) as MixerStates;
  const { output, states } = mixedStep(token, attention, { before, epsilon });
  return { output, states: parts.map((part) => states[part]!) };
}
