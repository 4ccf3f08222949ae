import type { Device } from './device.js';

/** Properties of graphs and sessions for a device, which follow from a few facts about its provider. */
export interface DeviceTraits {
  /**
   * Each expert stands behind an If that skips it where it has no token. Otherwise it gets no rows, which costs
   * a few empty operators, but hidden states need not come to the processor to be handed from branch to branch.
   */
  readonly branches: boolean;
  /**
   * Over trees of tokens, which takes a loop in the graph, or over padded sequences. ONNX Runtime's own operators of
   * accelerators (1.30) are no help: that of WebGPU is wrong from 32 tokens on, at least on software Vulkan, and that
   * of CUDA knows no fp32.
   */
  readonly attention: 'tree' | 'padded';
  /** Weights are converted to what is computed with once, when a session opens, and live in the device's memory. */
  readonly foldsWeights: boolean;
  /** Whether it computes in double precision; see `inSinglePrecision`. */
  readonly doubles: boolean;
  /** Outputs may stay in its memory, to be fed to another run: in ONNX Runtime for Node.js those of WebGPU alone. */
  readonly keepsOutputs: boolean;
  /** Worker threads: several map the same weights in the memory of the machine, but not in that of a device. */
  readonly workers: number;
}

const cpu: DeviceTraits = {
  branches: true,
  attention: 'tree',
  foldsWeights: false,
  doubles: true,
  keepsOutputs: false,
  workers: 2,
};
const accelerator: DeviceTraits = {
  branches: false,
  attention: 'padded',
  foldsWeights: true,
  doubles: false,
  keepsOutputs: false,
  workers: 1,
};

export const traitsOf: Readonly<Record<Device, DeviceTraits>> = {
  cpu,
  cuda: { ...accelerator, doubles: true },
  webgpu: { ...accelerator, keepsOutputs: true },
  dml: accelerator,
  coreml: accelerator,
};
