import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packedSequences, separateSequences } from './sequences.js';

async function* each<Item>(items: readonly Item[]) {
  yield* items;
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const documents = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 }), { maxLength: 12 });
const length = fc.integer({ min: 1, max: 15 });

describe('packedSequences', () => {
  it('cuts all documents and separators, in their order, into equal sequences', async () => {
    await fc.assert(
      fc.asyncProperty(documents, fc.option(fc.constant(0)), length, async (docs, separator, size) => {
        const stream = docs.flatMap((ids) => (separator === null ? ids : [...ids, separator]));
        const packed = (await all(packedSequences(each(docs.map((ids) => ({ ids }))), separator, size))).map(
          ({ ids }) => ids,
        );
        expect(packed.every((ids) => ids.length === size)).toBe(true);
        expect(packed).toHaveLength(Math.floor(stream.length / size));
        expect(packed.flat()).toEqual(stream.slice(0, packed.length * size));
      }),
    );
  });

  it('reads no document before it is needed', async () => {
    let read = 0;
    async function* counted() {
      for (;;) {
        read++;
        yield { ids: [1, 2, 3] };
      }
    }
    const { value } = await packedSequences(counted(), 0, 6).next();
    expect(value).toMatchObject({ ids: [1, 2, 3, 0, 1, 2], from: 1 });
    expect(read).toBe(2);
  });
});

describe('separateSequences', () => {
  it('cuts each document and leaves out empty ones', async () => {
    const whole = [[1, 2, 3], [], [4]].map((ids) => ({ ids, from: 1 }));
    const cut = await all(separateSequences(each(whole), 2));
    expect(cut.map(({ ids }) => ids)).toEqual([[1, 2], [4]]);
  });
});
