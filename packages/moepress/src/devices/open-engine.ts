import { anonymousMemory } from '@moepress/checkpoint';
import type { Work } from '@moepress/core';
import {
  type Device,
  type DeviceOptions,
  defaultGpuMemory,
  defaultMemory,
  Engine,
  startDevice,
} from '@moepress/runtime';

/** Where a command computes, and with how much. */
export interface EngineChoice extends DeviceOptions {
  readonly threads?: number;
  /** Bytes of anonymous memory to stay within. */
  readonly memory?: number;
}

/** An engine on the device that was asked for. Throws `ENGINE_FAILED` if it does not start. */
export async function openEngine(options: EngineChoice, work: Work): Promise<Engine> {
  const device = await startDevice(options.device ?? 'cpu', work);
  return new Engine({ ...options, device });
}

/** A device that has started, for several models side by side: each gets its share of the device's memory. */
export interface SharedDevice extends DeviceOptions {
  readonly device: Device;
  /** Bytes of anonymous memory for the whole process, which what comes before the models may take alone. */
  readonly memory: number;
  /** Of each model: what the process may take as if the others were not there, and what it took before them. */
  readonly each: { readonly memory: number; readonly idle: number };
}

export interface SharedOptions extends DeviceOptions {
  /** Bytes of anonymous memory to stay within; half of what the machine has left by default. */
  readonly memory?: number;
}

/** Starts the device once. Throws `ENGINE_FAILED` if it does not start. */
export async function sharedDevice(
  { device, precision, gpuMemory = defaultGpuMemory, memory = defaultMemory() }: SharedOptions,
  users: number,
  work: Work,
): Promise<SharedDevice> {
  const idle = anonymousMemory();
  const each = { idle, memory: idle + (memory - idle) / users };
  return {
    device: await startDevice(device ?? 'cpu', work),
    precision,
    gpuMemory: gpuMemory / users,
    memory,
    each,
  };
}
