import type { Attention } from '@moepress/core';

/** Dimensions of a head's values. */
export const valueDimOf = (spec: Attention): number =>
  spec.kind === 'mla' ? spec.valueDim : (spec.valueDim ?? spec.headDim);
