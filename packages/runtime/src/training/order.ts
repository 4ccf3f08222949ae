import { createRng } from '@moepress/core';

/**
 * The sequences of each step: every epoch has all `count` of them once, in an order of its own, and a step
 * goes on where the one before it ended. `skip` steps are passed over.
 */
export function* stepOrder(
  count: number,
  perStep: number,
  seed: number,
  skip: number,
): Generator<number[], never> {
  const rng = createRng(seed);
  let epoch: number[] = [];
  for (let step = 0; ; step++) {
    const drawn: number[] = [];
    while (drawn.length < perStep) {
      if (epoch.length === 0) epoch = rng.permutation(count);
      drawn.push(...epoch.splice(0, perStep - drawn.length));
    }
    if (step >= skip) yield drawn;
  }
}
