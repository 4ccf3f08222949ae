import { type PackedExpr, type Packing, perWord, type UnpackedExpr } from '@moepress/core/tensor';
import type { Bytes } from './buffers.js';
import { type OperandReader, type RowRange, sizeOf, widthOf } from './pieces.js';

/** Rows [from, to) of codes, a byte each, out of the words that hold them. */
export async function unpackRows(
  { of, packing, shape }: UnpackedExpr,
  { from, to, target }: RowRange,
  reading: OperandReader,
): Promise<void> {
  const down = packing.axis === 0 ? perWord(packing) : 1;
  const [first, last] = [Math.floor(from / down), Math.ceil(to / down)];
  const words = widthOf(of);
  await reading.buffers.lend((last - first) * words * sizeOf(of), async (bytes) => {
    await reading.read(of, first * words, last * words, bytes);
    eachCode(
      packing,
      { rows: to - from, width: shape[1]!, words, skipped: from - first * down },
      (at, byte, shift) => {
        target[at] = (bytes[byte]! >> shift) & maskOf(packing);
      },
    );
  });
}

/** Rows [from, to) of words, out of codes that are a byte each. */
export async function packRows(
  { of, packing, shape }: PackedExpr,
  { from, to, target }: RowRange,
  reading: OperandReader,
): Promise<void> {
  const down = packing.axis === 0 ? perWord(packing) : 1;
  const [height, width] = of.shape as [number, number];
  const [first, last] = [from * down, Math.min(height, to * down)];
  target.fill(0);
  await reading.buffers.lend((last - first) * width, async (codes) => {
    await reading.read(of, first * width, last * width, codes);
    eachCode(packing, { rows: last - first, width, words: shape[1]!, skipped: 0 }, (at, byte, shift) => {
      target[byte]! |= codes[at]! << shift;
    });
  });
}

interface CodeGrid {
  readonly rows: number;
  readonly width: number;
  /** Words in a row of them. */
  readonly words: number;
  /** Rows of codes that come before in the first row of words. */
  readonly skipped: number;
}

const maskOf = ({ bits }: Packing): number => (1 << bits) - 1;

/** Calls `use` with the number of each code, the number of the byte it lies in and how far it is shifted there. */
function eachCode(
  packing: Packing,
  { rows, width, words, skipped }: CodeGrid,
  use: (at: number, byte: number, shift: number) => void,
): void {
  const { bits, axis, places } = packing;
  const count = perWord(packing);
  const wordBytes = (count * bits) / 8;
  const perByte = 8 / bits;
  const bytes = Array.from({ length: count }, (_, i) => Math.floor((places?.[i] ?? i) / perByte));
  const shifts = Array.from({ length: count }, (_, i) => ((places?.[i] ?? i) % perByte) * bits);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    if (axis === 0) {
      const i = (skipped + row) % count;
      const begin = Math.floor((skipped + row) / count) * words * wordBytes + bytes[i]!;
      const shift = shifts[i]!;
      for (let column = 0; column < width; column++) use(at++, begin + column * wordBytes, shift);
    } else {
      let word = row * words * wordBytes;
      for (let column = 0; column < width; word += wordBytes) {
        for (let i = 0; i < count && column < width; i++, column++) use(at++, word + bytes[i]!, shifts[i]!);
      }
    }
  }
}

/** The bytes of numbers. */
export const asBytes = (values: ArrayBufferView<ArrayBuffer>): Bytes =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
