import type { InferenceSession } from 'onnxruntime-common';
import type { Device } from '../devices/device.js';
import { traitsOf } from '../devices/traits.js';
import { InferenceSession as Sessions } from './onnx-runtime.js';

/** Where and how all sessions of a worker run. */
export interface SessionOptions {
  readonly device: Device;
  /** Threads of the matrix products of the processor. */
  readonly threads: number;
}

/** What of a graph is elsewhere than the rest. */
export interface Placement {
  /** Names of the nodes that the processor computes whatever the device. */
  readonly onHost: readonly string[];
  /** Names of the outputs that stay in the memory of the device. */
  readonly onDevice: readonly string[];
  /**
   * Whether the session keeps what its largest run took of the processor's memory until it closes. That saves short
   * runs a fifth of their time, but what sixteen open blocks keep adds up. What is given back to the C library serves the
   * next session, and long runs are no slower for it.
   */
  readonly arena: boolean;
  /** The root of the file system that its weights are mapped from. */
  readonly root: string;
}

export function openSession(
  model: Uint8Array,
  { device, threads }: SessionOptions,
  { onHost, onDevice, arena, root }: Placement,
): Promise<InferenceSession> {
  return Sessions.create(model, {
    ...(device !== 'cpu' && { executionProviders: [provider(device, onHost)] }),
    ...(onDevice.length > 0 && {
      preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer'])),
    }),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // In the machine's memory folding would copy every mapped weight as fp32, joining equal nodes would keep what
    // derivatives convert anew, and the rest finds nothing to fuse in these graphs, a third of the time of opening
    // them. A device needs such a copy of a weight, and one.
    graphOptimizationLevel: traitsOf[device].foldsWeights ? 'all' : 'disabled',
    logSeverityLevel: 3,
    // Batches differ in shape, and a pattern planned for one wastes a third of the memory of the next.
    enableMemPattern: false,
    enableCpuMemArena: arena,
    extra: {
      // External data is named relative to its root, so that any folder can be mapped.
      // Packing would copy fp32 weights; spinning threads fight over cores with everybody else.
      session: {
        model_external_initializers_file_folder_path: root,
        disable_prepacking: '1',
        intra_op: { allow_spinning: '0' },
      },
    },
  } as InferenceSession.SessionOptions);
}

function provider(device: Device, onHost: readonly string[]): InferenceSession.ExecutionProviderConfig {
  // An empty list is refused.
  const forced = device === 'webgpu' && onHost.length > 0;
  return forced ? { name: device, forceCpuNodeNames: onHost } : { name: device };
}
