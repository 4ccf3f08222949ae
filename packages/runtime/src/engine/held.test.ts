import type { Tensor } from 'onnxruntime-node';
import { beforeEach, describe, expect, it } from 'vitest';
import { Garbage } from './garbage.js';
import { HeldTensors } from './held.js';

let disposed: string[];
beforeEach(() => {
  disposed = [];
});

/** `size` float32 numbers on a device, as far as holding them goes. */
const onDevice = (name: string, size: number) =>
  ({ name, size, location: 'gpu-buffer', dispose: () => disposed.push(name) }) as unknown as Tensor;

const inMemory = (name: string, size: number) => ({ name, size, location: 'cpu' }) as unknown as Tensor;

const device = {
  async read(tensor: Tensor) {
    const { name, size, location } = tensor as Tensor & { name: string };
    return location === 'cpu' ? tensor : inMemory(`copy of ${name}`, size);
  },
  async move(tensor: Tensor) {
    const { name, size } = tensor as Tensor & { name: string };
    tensor.dispose();
    return onDevice(`moved ${name}`, size);
  },
};

describe('HeldTensors', () => {
  it('leaves on the device what fits, and moves the rest to memory', async () => {
    const held = new HeldTensors(40, device, new Garbage());
    await held.set('a', onDevice('a', 6));
    await held.set('b', onDevice('b', 5));
    await held.set('c', onDevice('c', 4));
    expect(held.get('a')).toMatchObject({ name: 'a', location: 'gpu-buffer' });
    expect(held.get('b')).toMatchObject({ name: 'copy of b', location: 'cpu' });
    expect(held.get('c')).toMatchObject({ name: 'c', location: 'gpu-buffer' });
    expect(disposed).toEqual(['b']);
  });

  it('frees the device of what goes or is replaced', async () => {
    const held = new HeldTensors(40, device, new Garbage());
    await held.set('a', onDevice('first', 10));
    await held.set('a', onDevice('second', 10));
    expect(held.get('a')).toMatchObject({ name: 'second', location: 'gpu-buffer' });
    held.delete('a');
    held.delete('a');
    await held.set('b', onDevice('third', 10));
    expect(held.get('b')).toMatchObject({ location: 'gpu-buffer' });
    expect(disposed).toEqual(['first', 'second']);
  });

  it('lets what a session has left on the device outlast it', async () => {
    const held = new HeldTensors(40, device, new Garbage());
    await held.set('a', onDevice('a', 4), 'first');
    await held.set('b', onDevice('b', 4), 'second');
    await held.outlast('first');
    expect(held.get('a')).toMatchObject({ name: 'moved a', location: 'gpu-buffer' });
    expect(held.get('b')).toMatchObject({ name: 'b' });
    await held.outlast('first');
    held.clear();
    expect(disposed).toEqual(['a', 'moved a', 'b']);
    await held.set('c', onDevice('c', 10), 'second');
    expect(held.get('c')).toMatchObject({ location: 'gpu-buffer' });
  });

  it('reads without taking from the device', async () => {
    const held = new HeldTensors(40, device, new Garbage());
    await held.set('a', onDevice('a', 10));
    expect(await held.read('a')).toMatchObject({ name: 'copy of a' });
    expect(held.get('a')).toMatchObject({ name: 'a', location: 'gpu-buffer' });
  });

  it('takes any number of tensors in memory', async () => {
    const held = new HeldTensors(0, device, new Garbage());
    await held.set('a', inMemory('a', 1000));
    expect(await held.read('a')).toBe(held.get('a'));
    expect(held.has('b')).toBe(false);
    expect(() => held.get('b')).toThrow('No tensor is held as b.');
  });
});
