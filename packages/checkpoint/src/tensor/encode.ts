import { codeValues, type EncodedExpr, type EncodingScheme } from '@moepress/core/tensor';
import { powersOfTwo } from './block-scaled.js';
import type { Bytes } from './buffers.js';
import { codeRange, nearestCode, roundToEven } from './code-rounding.js';
import { type FloatType, fromFloat32, isFloatType, toFloat32 } from './float.js';
import { type OperandReader, type RowRange, sizeOf, widthOf } from './pieces.js';

/** Rows [from, to) of the codes, scales or zero points of a matrix that is quantised. */
export async function encodedRows(
  expr: EncodedExpr,
  { from, to, target }: RowRange,
  reading: OperandReader,
): Promise<void> {
  const { of, scheme, part } = expr;
  const [tall] = scheme.block;
  const height = of.shape[0]!;
  const isCodes = part === 'codes';
  const [first, last] = isCodes ? [Math.floor(from / tall), Math.ceil(to / tall)] : [from, to];
  const global = await globalOf(scheme, reading);
  // As many rows of blocks are read together as there is room for; each is scaled by itself.
  const step = Math.max(1, Math.floor(reading.blockBytes / (4 * tall * Math.max(1, widthOf(of)))));
  for (let start = first; start < last; start += step) {
    const stop = Math.min(last, start + step);
    const all = await readFloats(expr, start * tall, Math.min(height, stop * tall), reading);
    for (let row = start; row < stop; row++) {
      const [top, bottom] = [row * tall, Math.min(height, (row + 1) * tall)];
      const values = all.subarray((top - start * tall) * widthOf(of), (bottom - start * tall) * widthOf(of));
      const blocks = blocksOf(scheme, { values, width: widthOf(of), global });
      if (isCodes) {
        const [begin, end] = [Math.max(top, from), Math.min(bottom, to)];
        const out = target.subarray((begin - from) * widthOf(of), (end - from) * widthOf(of));
        encodeRows(scheme, { values, width: widthOf(of), skipped: begin - top, blocks }, out);
      } else {
        const own = part === 'scales' ? blocks.scaleBytes : storedZeros(scheme, blocks.zeros);
        target.set(own, (row - from) * own.length);
      }
    }
  }
}

function storedZeros({ code, plus }: EncodingScheme, zeros: Bytes): Bytes {
  const levels = codeValues[code].length;
  return zeros.map((zero) => (zero - plus + levels) % levels);
}

async function readFloats(
  { of }: EncodedExpr,
  top: number,
  bottom: number,
  reading: OperandReader,
): Promise<Float32Array> {
  const width = widthOf(of);
  const bytes = new Uint8Array((bottom - top) * width * sizeOf(of));
  await reading.read(of, top * width, bottom * width, bytes);
  return toFloat32(bytes, of.dtype as FloatType);
}

/** A row of blocks: what each is scaled by, as rounded to what is stored. */
interface Blocks {
  readonly scales: Float32Array;
  readonly scaleBytes: Bytes;
  readonly zeros: Bytes;
}

interface BlockRow {
  readonly values: Float32Array;
  readonly width: number;
  /** Rows of `values` before the first one that is wanted. */
  readonly skipped: number;
  readonly blocks: Blocks;
}

function encodeRows(scheme: EncodingScheme, { values, width, skipped, blocks }: BlockRow, out: Bytes): void {
  const nearest = nearestCode[scheme.code];
  const wide = scheme.block[1];
  const isInteger = scheme.code === 'u4' || scheme.code === 'u8';
  for (let at = 0, i = skipped * width; at < out.length; ) {
    for (let left = 0, block = 0; left < width; left += wide, block++) {
      const factor = blocks.scales[block]!;
      const zero = isInteger ? blocks.zeros[block]! : 0;
      const right = Math.min(width, left + wide);
      for (let column = left; column < right; column++, at++, i++) {
        const scaled = factor === 0 ? 0 : Math.fround(values[i]! / factor);
        // Rounded before the zero point is added, as compressed-tensors does.
        out[at] = isInteger ? nearest(roundToEven(scaled) + zero) : nearest(scaled);
      }
    }
  }
}

/** What the scales are divided by when they are read. */
async function globalOf({ global }: EncodingScheme, reading: OperandReader): Promise<number> {
  if (!global) return 1;
  if (typeof global.of === 'number') return global.divides ? global.of : 1 / global.of;
  const bytes = new Uint8Array(4);
  await reading.read({ ...global.of, shape: [1] }, 0, 1, bytes);
  const [number] = toFloat32(bytes, 'F32');
  return global.divides ? number! : 1 / number!;
}

interface BlockValues {
  readonly values: Float32Array;
  readonly width: number;
  readonly global: number;
}

function blocksOf(scheme: EncodingScheme, { values, width, global }: BlockValues): Blocks {
  const count = Math.ceil(width / scheme.block[1]);
  const [least, most] = [new Float32Array(count), new Float32Array(count)];
  for (let i = 0, column = 0; i < values.length; i++, column = column + 1 === width ? 0 : column + 1) {
    const block = Math.floor(column / scheme.block[1]);
    const value = values[i]!;
    if (value < least[block]!) least[block] = value;
    if (value > most[block]!) most[block] = value;
  }
  const wanted = Float32Array.from(most, (high, i) => global * scaleFor(scheme, least[i]!, high));
  const { numbers, bytes } = stored(scheme, wanted);
  const scales = numbers.map((number) => number / global);
  const middle = { u4: 8, u8: 128, i8: 0, e4m3: 0, e2m1: 0 }[scheme.code];
  const levels = codeValues[scheme.code].length - 1;
  const zeros = Uint8Array.from(scales, (factor, i) =>
    scheme.asymmetric && factor !== 0
      ? Math.min(levels, Math.max(0, roundToEven(-least[i]! / factor)))
      : middle,
  );
  return { scales, scaleBytes: bytes, zeros };
}

/** The scale that spreads the numbers of a block over those of the code. */
function scaleFor({ code, scale, asymmetric }: EncodingScheme, least: number, most: number): number {
  const largest = Math.max(-least, most);
  if (largest === 0) return 0;
  if (asymmetric) return (most - least) / (codeValues[code].length - 1);
  if (scale !== 'U8' && scale !== 'F8_E8M0') return largest / codeRange[code];
  // As DeepSeek does, so that nothing lies beyond the range.
  if (code === 'e4m3') return 2 ** Math.ceil(Math.log2(largest / codeRange[code]));
  // OCP microscaling, section 6.3: the power of two of the largest number over that of the code's largest.
  return 2 ** (Math.floor(Math.log2(largest)) - Math.floor(Math.log2(codeRange[code])));
}

function stored(
  { scale }: EncodingScheme,
  wanted: Float32Array<ArrayBuffer>,
): { numbers: Float32Array<ArrayBuffer>; bytes: Bytes } {
  if (isFloatType(scale)) {
    const bytes = Uint8Array.from(fromFloat32(wanted, scale));
    return { numbers: toFloat32(bytes, scale), bytes };
  }
  if (scale === 'F8_E4M3') {
    const bytes = Uint8Array.from(wanted, (value) => nearestCode.e4m3(value));
    return { numbers: Float32Array.from(bytes, (byte) => codeValues.e4m3[byte]!), bytes };
  }
  const bytes = Uint8Array.from(wanted, (value) =>
    value === 0 ? 127 : Math.min(254, Math.max(0, Math.round(Math.log2(value)) + 127)),
  );
  return { numbers: Float32Array.from(bytes, (byte) => powersOfTwo[byte]!), bytes };
}
