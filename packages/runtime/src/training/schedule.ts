import type { Schedule } from '@moepress/core';

/**
 * What the highest learning rate is multiplied by at `step` of `steps`, counted from 1. The highest rate
 * is reached with the last step of the warmup, `final` with the last step of all.
 */
export function scheduled({ kind, warmup, final }: Schedule, step: number, steps: number): number {
  const rising = Math.round(warmup * steps);
  if (step <= rising) return step / rising;
  if (kind === 'constant') return 1;
  const passed = (step - rising) / (steps - rising);
  const height = kind === 'linear' ? 1 - passed : (1 + Math.cos(Math.PI * passed)) / 2;
  return final + (1 - final) * height;
}
