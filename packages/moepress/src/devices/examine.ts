import { MoepressError, type Work } from '@moepress/core';
import { type Device, isPublished, productSpeed, unavailable } from '@moepress/runtime';
import { type Answer, answerOn, difference, tolerance } from './self-test.js';

/** What was found out about a device. */
export type Examination =
  | {
      readonly device: Device;
      /** `wrong`: it starts, but what it computes is not what the processor does. */
      readonly state: 'works' | 'wrong';
      /** FLOP/s of an fp32 matrix product. */
      readonly speed: number;
      /** Largest difference of logits from the processor's; null: not comparable. */
      readonly difference: number | null;
      readonly seconds: number;
    }
  | { readonly device: Device; readonly state: 'missing'; readonly problem: string; readonly hint: string }
  | { readonly device: Device; readonly state: 'not for this system' };

/** Starts a device and compares what it computes with `expected`. */
export async function examine(device: Device, expected: Answer, work: Work): Promise<Examination> {
  if (!isPublished(device)) return { device, state: 'not for this system' };
  const started = performance.now();
  try {
    const speed = await productSpeed(device);
    const apart = difference(await answerOn(device, work), expected);
    return {
      device,
      state: apart <= tolerance ? 'works' : 'wrong',
      speed,
      difference: Number.isFinite(apart) ? apart : null,
      seconds: (performance.now() - started) / 1000,
    };
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'ENGINE_FAILED') throw error;
    const { message, hint } = unavailable(device, error);
    return { device, state: 'missing', problem: message, hint };
  }
}
