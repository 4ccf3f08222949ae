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
  const numbers = new Uint8Array((rows * blocks * block * bits) / 8);
  const middle = 2 ** (bits - 1);
  const most = 2 * middle - 1;
  for (let row = 0, own = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++, own++) {
      const start = row * width + b * block;
      const end = Math.min(start + block, (row + 1) * width);
      scales[own] = farthest(values, start, end) / -middle;
      const factor = scales[own] === 0 ? 0 : 1 / scales[own]!;
      for (let i = 0; i < block; i++) {
        const value = start + i < end ? values[start + i]! : 0;
        const number = Math.min(most, Math.max(0, Math.round(value * factor) + middle));
        const at = own * block + i;
        if (bits === 8) numbers[at] = number;
        else numbers[at >> 1]! |= at % 2 === 0 ? number : number << 4;
      }
    }
  }
  return { numbers, scales };
}

/** The number that is farthest from zero. */
function farthest(values: Float32Array, start: number, end: number): number {
  let found = 0;
  for (let i = start; i < end; i++) if (Math.abs(values[i]!) > Math.abs(found)) found = values[i]!;
  return found;
}
