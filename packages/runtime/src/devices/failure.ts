import { MoepressError } from '@moepress/core';
import type { Device } from './device.js';

interface Kind {
  /** Phrases by which drivers and providers report it. */
  readonly signs: RegExp;
  readonly title: (device: Device) => string;
  readonly hint: string;
}

/** Failures of the device, as opposed to those of the graph it was given. */
const kinds: readonly Kind[] = [
  {
    signs: /out of memory|failed to allocate|CUDA failure 2:|bad_alloc/i,
    title: (device) => `The memory of ${device} is full`,
    hint: 'Close other programs that use the device, or give it less with `gpuMemory`; then run it again.',
  },
  {
    signs:
      /device (was |is |has been )?(lost|removed|hung|reset)|DEVICE_(LOST|REMOVED|HUNG)|CUDA failure \d+/i,
    title: (device) => `The device ${device} was lost`,
    hint: 'Run it again: what is measured is kept. If it happens again, take another `device` or driver.',
  },
];

/** How `engine/onnx-runtime.ts` begins what it throws. */
const notLoaded = /^cannot be loaded/;

/** The error for the runtime's message when a command failed. */
export function engineFailure(device: Device, message: string, where: string): MoepressError {
  if (notLoaded.test(message)) {
    return new MoepressError('ONNX_RUNTIME_MISSING', { message: `ONNX Runtime ${message}`, where });
  }
  const kind = device === 'cpu' ? undefined : kinds.find(({ signs }) => signs.test(message));
  if (!kind) return new MoepressError('ENGINE_FAILED', { message: `ONNX Runtime: ${message}`, where });
  const { title, hint } = kind;
  return new MoepressError('ENGINE_FAILED', { message: `${title(device)}: ${message}`, where, hint });
}
