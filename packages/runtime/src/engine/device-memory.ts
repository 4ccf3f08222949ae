import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { openSession, type SessionOptions } from './onnx-session.js';

/** Tensors that runs leave in the memory of a device. */
export class DeviceMemory {
  readonly #options: SessionOptions;
  readonly #copying = new Map<string, Promise<InferenceSession>>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * A tensor in the machine's memory: itself, or a copy. Asked for the numbers directly, ONNX Runtime 1.30 for
   * Node.js ends the process.
   */
  read(tensor: Tensor): Promise<Tensor> {
    return isOnDevice(tensor) ? this.#copy(tensor, []) : Promise.resolve(tensor);
  }

  /** A copy that replaces the tensor and remains after the session that computed the tensor is closed. */
  async move(tensor: Tensor): Promise<Tensor> {
    const copy = await this.#copy(tensor, ['copy']);
    tensor.dispose();
    return copy;
  }

  /** Copies a tensor by a graph that does nothing else. */
  async #copy(tensor: Tensor, onDevice: readonly string[]): Promise<Tensor> {
    const key = `${tensor.dims.length} ${onDevice}`;
    const opened = this.#copying.get(key) ?? this.#open(tensor.dims.length, onDevice);
    this.#copying.set(key, opened);
    const { copy } = await (await opened).run({ tensor });
    return copy as Tensor;
  }

  async #open(rank: number, onDevice: readonly string[]): Promise<InferenceSession> {
    // The processor needs no copies, and its threads start sooner without it.
    const { encodeModel, GraphBuilder } = await import('@moepress/graph');
    const graph = new GraphBuilder('copy');
    const dims = Array.from({ length: rank }, (_, axis) => `d${axis}`);
    graph.output('copy', graph.input('tensor', 'float32', dims));
    return openSession(encodeModel(graph.finish()), this.#options, {
      onHost: [],
      onDevice,
      arena: false,
      root: '/',
    });
  }
}

export const isOnDevice = (tensor: Tensor): boolean => tensor.location === 'gpu-buffer';

/** Bytes of a tensor on the device; only float32 tensors are left there. */
export const bytesOnDevice = (tensor: Tensor): number =>
  isOnDevice(tensor) ? tensor.size * Float32Array.BYTES_PER_ELEMENT : 0;

/** Frees the device memory of a tensor; memory of the machine is freed by garbage collection. */
export function release(tensor: Tensor): void {
  if (isOnDevice(tensor)) tensor.dispose();
}
