import { collectGarbage } from '@moepress/checkpoint';
import type { Tensor } from 'onnxruntime-common';
import { uncollected } from '../memory/constants.js';
import { isOnDevice } from './device-memory.js';

/**
 * Frees tensors of the machine's memory soon after nobody holds them any more. V8 goes by its own heap, on which a tensor
 * of gigabytes is a few bytes, so it lets many of them wait.
 */
export class Garbage {
  #waiting = 0;

  /** To be called with what nobody will read again; it must not be reachable when the next command comes. */
  add(tensor: Pick<Tensor, 'size' | 'location' | 'type'>): void {
    // Nearly all tensors are fp32, and it need not be exact.
    if (!isOnDevice(tensor as Tensor)) this.addBytes(4 * tensor.size);
  }

  /** The same for numbers that belong to no tensor. */
  addBytes(bytes: number): void {
    this.#waiting += bytes;
  }

  /** Collects if `least` bytes wait, which are many by default. Costs some milliseconds. */
  sweep(least = uncollected): void {
    if (this.#waiting < least) return;
    this.#waiting = 0;
    collectGarbage();
  }
}
