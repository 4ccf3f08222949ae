import type { Tensor } from 'onnxruntime-common';
import { bytesOnDevice, type DeviceMemory, isOnDevice, release } from './device-memory.js';
import type { Garbage } from './garbage.js';

interface Stored {
  readonly tensor: Tensor;
  /** The session that left it on the device; null for all other tensors. */
  readonly session: string | null;
}

/**
 * Tensors that pass from one run to the next, by id. What a run has left in the memory of a device stays there
 * while all of them together take no more than `room` bytes of it; the rest moves to the machine's memory.
 */
export class TensorStore {
  readonly #tensors = new Map<string, Stored>();
  readonly #device: Pick<DeviceMemory, 'read' | 'move'>;
  readonly #garbage: Pick<Garbage, 'add'>;
  #room: number;

  constructor(room: number, device: Pick<DeviceMemory, 'read' | 'move'>, garbage: Pick<Garbage, 'add'>) {
    this.#room = room;
    this.#device = device;
    this.#garbage = garbage;
  }

  has(id: string): boolean {
    return this.#tensors.has(id);
  }

  get(id: string): Tensor {
    const stored = this.#tensors.get(id);
    if (!stored) throw new Error(`There is no tensor ${id}.`);
    return stored.tensor;
  }

  /** A tensor whose numbers can be read. */
  read(id: string): Promise<Tensor> {
    return this.#device.read(this.get(id));
  }

  /** Takes over a tensor, which `session` has computed if it is on the device, in the place of one of that id. */
  async set(id: string, tensor: Tensor, session: string | null = null): Promise<void> {
    this.delete(id);
    const bytes = bytesOnDevice(tensor);
    if (bytes <= this.#room) {
      this.#room -= bytes;
      this.#tensors.set(id, { tensor, session: isOnDevice(tensor) ? session : null });
      return;
    }
    this.#tensors.set(id, { tensor: await this.#device.read(tensor), session: null });
    release(tensor);
  }

  /** To be called before a session closes: ONNX Runtime 1.30 ends the process when a tensor of it is freed later. */
  async detachFromSession(session: string): Promise<void> {
    for (const [id, stored] of this.#tensors) {
      if (stored.session !== session) continue;
      this.#tensors.set(id, { tensor: await this.#device.move(stored.tensor), session: null });
    }
  }

  delete(id: string): void {
    const stored = this.#tensors.get(id);
    if (!stored) return;
    this.#tensors.delete(id);
    this.#room += bytesOnDevice(stored.tensor);
    this.#garbage.add(stored.tensor);
    release(stored.tensor);
  }

  clear(): void {
    for (const id of [...this.#tensors.keys()]) this.delete(id);
  }
}
