import { assemble, FunctionWriter } from '../web-assembly/assembler.js';
import { webAssembly } from '../web-assembly/web-assembly.js';
import type { Bytes } from './buffers.js';

/** Bytes that a vector takes, and vectors of an iteration. */
const [vectorBytes, unrolled] = [16, 2];
const stepBytes = vectorBytes * unrolled;

/** Bytes of each term that are added up at once: with those of a few more terms they stay in a core's inner cache. */
const tileBytes = 8192;
const pageBytes = 65536;

type Sum = (factorsEnd: number, values: number, target: number, targetEnd: number) => void;

/** The function in a memory of its own. */
interface Kernel {
  readonly bytes: Uint8Array;
  readonly factors: Float32Array;
  readonly sum: Sum;
}

/**
 * Weighted sums of BF16 numbers into `target`, in fp32 and rounded once, to nearest, ties to even. `values` are all
 * those of the first term, then all of the next.
 */
export function sumBfloats(values: Bytes, factors: Float32Array, target: Bytes): void {
  const terms = factors.length;
  const [first, stride] = [Math.ceil((4 * terms) / vectorBytes) * vectorBytes, tileBytes];
  const output = first + terms * stride;
  const kernel = kernelOf(output + stride);
  kernel.factors.set(factors);
  for (let begin = 0; begin < target.length; begin += stride) {
    const end = Math.min(target.length, begin + stride);
    for (let term = 0; term < terms; term++) {
      const start = term * target.length;
      kernel.bytes.set(values.subarray(start + begin, start + end), first + term * stride);
    }
    // What stands behind the last number is added up as well, and not looked at.
    const steps = Math.ceil((end - begin) / stepBytes);
    kernel.sum(4 * terms, first, output, output + steps * stepBytes);
    target.set(kernel.bytes.subarray(output, output + end - begin), begin);
  }
}

let largest: { readonly size: number; readonly kernel: Kernel } | undefined;

/** One with so many bytes of memory. */
function kernelOf(size: number): Kernel {
  if (largest && largest.size >= size) return largest.kernel;
  const pages = Math.ceil(size / pageBytes);
  const memory = new webAssembly.Memory({ initial: pages, maximum: pages });
  const module = new webAssembly.Module(sumModule());
  const { exports } = new webAssembly.Instance(module, { memory: { own: memory } });
  const kernel = {
    bytes: new Uint8Array(memory.buffer),
    factors: new Float32Array(memory.buffer),
    sum: exports.sum as Sum,
  };
  largest = { size: pages * pageBytes, kernel };
  return kernel;
}

/**
 * A module with `sum(factorsEnd, values, target, targetEnd)` of byte addresses: for each number of the target,
 * the sum over the factors, fp32 and from address 0 on, of factor times value; the values of each term stand `tileBytes` after those of the
 * one before.
 */
function sumModule(): Uint8Array<ArrayBuffer> {
  const code = new FunctionWriter('sum', 4);
  const [factorsEnd, values, target, targetEnd] = [0, 1, 2, 3];
  const [factor, value] = [code.local('i32'), code.local('i32')];
  const vector = () => code.local('v128');
  const [weight, one, half, quiet] = [vector(), vector(), vector(), vector()];
  const sums = Array.from({ length: 2 * unrolled }, vector);

  /** Leaves the numbers of a sum as bits of BF16 on the stack, one in each word. */
  const round = (sum: number) => {
    const upper = () => code.get(sum).int(16).do('i32x4.shr_u');
    // Rounding could carry a NaN into infinity or zero.
    upper().get(quiet).do('v128.or');
    upper().get(one).do('v128.and').get(half, sum).do('i32x4.add', 'i32x4.add').int(16).do('i32x4.shr_u');
    code.get(sum, sum).do('f32x4.ne', 'v128.bitselect');
  };

  code.vector(1).set(one).vector(0x7fff).set(half).vector(0x40).set(quiet);
  code.while(target, targetEnd, () => {
    for (const sum of sums) code.vector(0).set(sum);
    code.int(0).set(factor).get(values).set(value);
    code.while(factor, factorsEnd, () => {
      code.get(factor).at('v128.load32_splat').set(weight);
      for (const [i, sum] of sums.entries()) {
        code
          .get(sum, value)
          .at('v128.load16x4_u', 8 * i)
          .int(16)
          .do('i32x4.shl');
        code.get(weight).do('f32x4.mul', 'f32x4.add').set(sum);
      }
      code.advance(factor, 4).advance(value, tileBytes);
    });
    for (let i = 0; i < unrolled; i++) {
      code.get(target);
      round(sums[2 * i]!);
      round(sums[2 * i + 1]!);
      code.do('i16x8.narrow_i32x4_u').at('v128.store', vectorBytes * i);
    }
    code.advance(values, stepBytes).advance(target, stepBytes);
  });
  return assemble([code], 'own');
}
