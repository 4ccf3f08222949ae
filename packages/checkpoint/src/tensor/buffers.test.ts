import { expect, it } from 'vitest';
import { Buffers } from './buffers.js';

it('lends the same memory again, and never to two at once', async () => {
  const buffers = new Buffers();
  const first = await buffers.lend(5000, async (outer) => {
    await buffers.lend(5000, async (inner) => expect(inner.buffer).not.toBe(outer.buffer));
    expect(outer.length).toBe(5000);
    return outer.buffer;
  });
  await buffers.lend(6000, async (again) => {
    await buffers.lend(6000, async (other) => {
      expect([again.buffer, other.buffer]).toContain(first);
      expect([again.length, again.byteOffset]).toEqual([6000, 0]);
    });
  });
});

it('takes memory back from who fails', async () => {
  const buffers = new Buffers();
  let lost: ArrayBuffer | undefined;
  const fails = buffers.lend(10, async ({ buffer }) => {
    lost = buffer;
    throw new Error('no');
  });
  await expect(fails).rejects.toThrow('no');
  expect(buffers.take(10).buffer).toBe(lost);
});
