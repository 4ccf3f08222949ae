import type { Tensor } from 'onnxruntime-node';
import { bytesOnDevice, type DeviceMemory, isOnDevice, release } from './device-memory.js';
import type { Garbage } from './garbage.js';

interface Held {
  readonly tensor: Tensor;
  /** The session that has left it on the device; null for all others. */
  readonly session: string | null;
}

/**
 * Tensors that pass from one run to the next, by name. What a run has left in the memory of a device stays there
 * while all of them together take no more than `room` bytes of it; the rest moves to the machine's memory.
 */
export class HeldTensors {
  readonly #held = new Map<string, Held>();
  readonly #device: Pick<DeviceMemory, 'read' | 'move'>;
  readonly #garbage: Pick<Garbage, 'add'>;
  #room: number;

  constructor(room: number, device: Pick<DeviceMemory, 'read' | 'move'>, garbage: Pick<Garbage, 'add'>) {
    this.#room = room;
    this.#device = device;
    this.#garbage = garbage;
  }

  has(name: string): boolean {
    return this.#held.has(name);
  }

  get(name: string): Tensor {
    const held = this.#held.get(name);
    if (!held) throw new Error(`No tensor is held as ${name}.`);
    return held.tensor;
  }

  /** A tensor whose numbers can be read. */
  read(name: string): Promise<Tensor> {
    return this.#device.read(this.get(name));
  }

  /** Takes over a tensor, which `session` has computed if it is on the device, in the place of one of that name. */
  async set(name: string, tensor: Tensor, session: string | null = null): Promise<void> {
    this.delete(name);
    const bytes = bytesOnDevice(tensor);
    if (bytes <= this.#room) {
      this.#room -= bytes;
      this.#held.set(name, { tensor, session: isOnDevice(tensor) ? session : null });
      return;
    }
    this.#held.set(name, { tensor: await this.#device.read(tensor), session: null });
    release(tensor);
  }

  /** To be called before a session goes: ONNX Runtime 1.30 ends the process when a tensor of it is freed later. */
  async outlast(session: string): Promise<void> {
    for (const [name, held] of this.#held) {
      if (held.session !== session) continue;
      this.#held.set(name, { tensor: await this.#device.move(held.tensor), session: null });
    }
  }

  delete(name: string): void {
    const held = this.#held.get(name);
    if (!held) return;
    this.#held.delete(name);
    this.#room += bytesOnDevice(held.tensor);
    this.#garbage.add(held.tensor);
    release(held.tensor);
  }

  clear(): void {
    for (const name of [...this.#held.keys()]) this.delete(name);
  }
}
