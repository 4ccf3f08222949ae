/** A matrix in blocks of unsigned integers. */
export interface QuantisedBlocks {
  /** [rows, blocks, block * bits / 8]; of 4 bits two a byte, the lower half first. */
  readonly numbers: Uint8Array;
  /** [rows * blocks] */
  readonly scales: Float32Array;
}

/**
 * Rows of `width` numbers in blocks of `block` neighbours, the last of a row filled up with zeros: number x becomes the integer
 * nearest to x / scale + 2^(bits - 1), and the scale is such that the number farthest from zero becomes 0, which is exact. So
 * does ONNX Runtime quantise symmetrically for its operator `MatMulNBits`.
 */
export function quantiseBlocks(
  values: Float32Array,
  width: number,
  { bits, block }: { readonly bits: 4 | 8; readonly block: number },
): QuantisedBlocks {
  const [rows, blocks] = [values.length / width, Math.ceil(width / block)];
  const scales = new Float32Array(rows * blocks);
  const codes = new Uint8Array(rows * blocks * block);
  const middle = 2 ** (bits - 1);
  const most = 2 * middle - 1;
  // Numbers are above zero once the middle is added, so that cutting rounds down.
  const shift = middle + 0.5;
  for (let own = 0; own < scales.length; own++) {
    const row = Math.floor(own / blocks);
    const start = row * width + (own % blocks) * block;
    const end = Math.min(start + block, (row + 1) * width);
    scales[own] = farthest(values, start, end) / -middle;
    const factor = scales[own] === 0 ? 0 : 1 / scales[own]!;
    const at = own * block - start;
    for (let i = start; i < end; i++) {
      const code = (values[i]! * factor + shift) | 0;
      codes[at + i] = Math.min(code, most);
    }
    codes.fill(middle, at + end, (own + 1) * block);
  }
  return { numbers: bits === 8 ? codes : inPairs(codes), scales };
}

/** Numbers of 4 bits, two a byte, the first in the lower half. */
function inPairs(codes: Uint8Array): Uint8Array {
  const pairs = new Uint8Array(codes.length / 2);
  for (let i = 0; i < pairs.length; i++) pairs[i] = codes[2 * i]! | (codes[2 * i + 1]! << 4);
  return pairs;
}

/** The number that is farthest from zero; 0 where there is none, NaN where one is not finite. */
function farthest(values: Float32Array, start: number, end: number): number {
  let [least, most, rest] = [0, 0, 0];
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    if (value > most) most = value;
    else if (value < least) least = value;
    rest += value - value;
  }
  if (rest !== 0) return Number.NaN;
  return most >= -least ? most : least;
}
