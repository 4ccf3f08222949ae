import { anonymousMemory } from '@moepress/checkpoint';
import type { Work } from '@moepress/core';
import {
  type Device,
  type DeviceOptions,
  defaultGpuMemory,
  defaultMemory,
  startDevice,
} from '@moepress/runtime';
import type { ComputeOptions } from '../options.js';

/** A device that has started, for several models at once: each gets its share of the device's memory. */
export interface SharedDevice {
  /** The device for work before the models, which may take all memory alone. */
  readonly whole: StartedDevice;
  /**
   * For each model: what the process may take as if the other models were not there, and what it took before they
   * were opened.
   */
  readonly each: StartedDevice & { readonly idle: number; readonly threads: number };
}

export interface StartedDevice extends DeviceOptions {
  readonly device: Device;
  /** Bytes of anonymous memory for the whole process. */
  readonly memory: number;
}

/** Starts the device once. Throws `ENGINE_FAILED` if it does not start. */
export async function shareDevice(
  {
    device,
    precision,
    gpuMemory = defaultGpuMemory,
    memory = defaultMemory(),
  }: Omit<ComputeOptions, 'threads'>,
  { users, threads }: { readonly users: number; readonly threads: number },
  work: Work,
): Promise<SharedDevice> {
  const idle = anonymousMemory();
  const started = {
    device: await startDevice(device ?? 'cpu', work),
    precision,
    gpuMemory: gpuMemory / users,
  };
  return {
    whole: { ...started, memory },
    each: {
      ...started,
      idle,
      memory: idle + (memory - idle) / users,
      threads: Math.max(1, Math.floor(threads / users)),
    },
  };
}
