import type { QueryScaling, Rope, RopeScaling, Value } from '@moepress/core';
import {
  cast,
  clip,
  div,
  exp,
  greater,
  log,
  mul,
  plusNumber,
  reshape,
  timesNumber,
  unsqueeze,
  where,
} from '@moepress/graph';
import type { AngleInputs } from '../decoder/inputs.js';
import { rotaryFrequencies } from '../tokens/rotary-tables.js';
import { asColumn, type TokenInputs } from './token-inputs.js';

/** Cosine and sine of the tokens' rotary angles, worked out from their positions when the graph runs; as `rotaryTables`. */
export function tokenAngles(rope: Rope, tokens: TokenInputs): AngleInputs {
  const half = rope.dim / 2;
  const { frequencies, factor } = turning(rope, tokens);
  const angles = mul(unsqueeze(cast(tokens.positions, 'float32'), 2), frequencies);
  const part = (type: 'Cos' | 'Sin') => {
    const own = angles.graph.op(type, [angles]);
    return reshape(factor === null ? own : mul(own, factor), [-1, half], ['T', half]);
  };
  return { cos: part('Cos'), sin: part('Sin'), order: tokens.order };
}

/** Radians a token, [dim / 2] or by sequence [B, 1, dim / 2], and the factor on cosine and sine, or null. */
function turning(rope: Rope, tokens: TokenInputs): { frequencies: Value; factor: Value | null } {
  const { graph } = tokens.positions;
  const { scaling } = rope;
  const numbers = (values: ArrayLike<number>) =>
    graph.constant(Array.from(values), [values.length], 'float32');
  if (scaling?.kind === 'dynamic')
    return { frequencies: dynamicFrequencies(rope, scaling, tokens), factor: null };
  const short = rotaryFrequencies(rope, 0);
  if (scaling?.kind !== 'longrope') {
    const factor = scaling?.kind === 'yarn' ? scaling.attentionFactor : 1;
    return { frequencies: numbers(short), factor: factor === 1 ? null : numbers([factor]) };
  }
  const { originalPositions, attentionFactor, longAttentionFactor = attentionFactor } = scaling;
  const limit = graph.constant([originalPositions], [], 'int64');
  const isLong = unsqueeze(greater(tokens.lengths, limit), 2);
  const long = rotaryFrequencies(rope, originalPositions + 1);
  return {
    frequencies: where(isLong, numbers(long), numbers(short)),
    factor: where(isLong, numbers([longAttentionFactor]), numbers([attentionFactor])),
  };
}

/** The base grows with sequences that are longer than those of pretraining, see `RopeScaling`. */
function dynamicFrequencies(
  { theta, dim }: Rope,
  { factor, originalPositions }: Extract<RopeScaling, { readonly kind: 'dynamic' }>,
  { lengths }: TokenInputs,
): Value {
  const { graph } = lengths;
  const stretch = clip(
    plusNumber(timesNumber(cast(lengths, 'float32'), factor / originalPositions), 1 - factor),
    1,
    3e38,
  );
  // base ** -p = exp(-p (ln theta + dim / (dim - 2) ln stretch))
  const base = plusNumber(timesNumber(log(stretch), dim / (dim - 2)), Math.log(theta));
  const powers = graph.constant(
    Array.from({ length: dim / 2 }, (_, i) => (-2 * i) / dim),
    [dim / 2],
    'float32',
  );
  return exp(mul(unsqueeze(base, 2), powers));
}

/** The factors of the tokens' queries, [T, 1]; as `queryFactors`. */
export function tokenQueryFactors({ beta, every, offset }: QueryScaling, { positions }: TokenInputs): Value {
  const { graph } = positions;
  const passed = div(plusNumber(positions, offset), graph.constant([every], [], 'int64'));
  const grown = log(plusNumber(asColumn(passed), 1));
  return plusNumber(timesNumber(grown, beta), 1);
}
