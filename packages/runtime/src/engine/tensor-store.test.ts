import type { Tensor } from 'onnxruntime-common';
import { beforeEach, describe, expect, it } from 'vitest';
import { Garbage } from './garbage.js';
import { TensorStore } from './tensor-store.js';

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

describe('TensorStore', () => {
  it('leaves on the device what fits, and moves the rest to memory', async () => {
    const store = new TensorStore(40, device, new Garbage());
    await store.set('a', onDevice('a', 6));
    await store.set('b', onDevice('b', 5));
    await store.set('c', onDevice('c', 4));
    expect(store.get('a')).toMatchObject({ name: 'a', location: 'gpu-buffer' });
    expect(store.get('b')).toMatchObject({ name: 'copy of b', location: 'cpu' });
    expect(store.get('c')).toMatchObject({ name: 'c', location: 'gpu-buffer' });
    expect(disposed).toEqual(['b']);
  });

  it('frees the device of what goes or is replaced', async () => {
    const store = new TensorStore(40, device, new Garbage());
    await store.set('a', onDevice('first', 10));
    await store.set('a', onDevice('second', 10));
    expect(store.get('a')).toMatchObject({ name: 'second', location: 'gpu-buffer' });
    store.delete('a');
    store.delete('a');
    await store.set('b', onDevice('third', 10));
    expect(store.get('b')).toMatchObject({ location: 'gpu-buffer' });
    expect(disposed).toEqual(['first', 'second']);
  });

  it('lets what a session has left on the device outlast it', async () => {
    const store = new TensorStore(40, device, new Garbage());
    await store.set('a', onDevice('a', 4), 'first');
    await store.set('b', onDevice('b', 4), 'second');
    await store.detachFromSession('first');
    expect(store.get('a')).toMatchObject({ name: 'moved a', location: 'gpu-buffer' });
    expect(store.get('b')).toMatchObject({ name: 'b' });
    await store.detachFromSession('first');
    store.clear();
    expect(disposed).toEqual(['a', 'moved a', 'b']);
    await store.set('c', onDevice('c', 10), 'second');
    expect(store.get('c')).toMatchObject({ location: 'gpu-buffer' });
  });

  it('reads without taking from the device', async () => {
    const store = new TensorStore(40, device, new Garbage());
    await store.set('a', onDevice('a', 10));
    expect(await store.read('a')).toMatchObject({ name: 'copy of a' });
    expect(store.get('a')).toMatchObject({ name: 'a', location: 'gpu-buffer' });
  });

  it('takes any number of tensors in memory', async () => {
    const store = new TensorStore(0, device, new Garbage());
    await store.set('a', inMemory('a', 1000));
    expect(await store.read('a')).toBe(store.get('a'));
    expect(store.has('b')).toBe(false);
    expect(() => store.get('b')).toThrow('There is no tensor b.');
  });
});
