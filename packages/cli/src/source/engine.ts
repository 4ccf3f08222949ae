import type { Work } from '@moepress/core';
import { type Device, type DeviceOptions, defaultGpuMemory, Engine, startDevice } from '@moepress/runtime';

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

/** A device that has started, for several models side by side: each gets its share of the memory. */
export interface SharedDevice extends DeviceOptions {
  readonly device: Device;
}

/** Starts the device once. Throws `ENGINE_FAILED` if it does not start. */
export async function sharedDevice(
  { device, precision, gpuMemory = defaultGpuMemory }: DeviceOptions,
  users: number,
  work: Work,
): Promise<SharedDevice> {
  return { device: await startDevice(device ?? 'cpu', work), precision, gpuMemory: gpuMemory / users };
}
