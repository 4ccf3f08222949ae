import { blockScaled, type Packing, packed, perWord, transpose, unpacked } from '@moepress/core';
import { exprEntry } from './entries.js';
import { groupEntry, takeGroups } from './groups.js';
import { words } from './packed-words.js';
import { gridOf, groupStep, type WeightFormat } from './weight-format.js';

/** Formats that store a weight [in, out], in groups along the input: `.qweight`, `.qzeros`, `.scales`. */
function inputMajor(
  format: 'awq' | 'gptq',
  packing: (code: string) => { readonly codes: Packing; readonly zeros: Packing },
): WeightFormat {
  return {
    main: '.qweight',
    transposed: true,
    open(files, scheme) {
      const [out, into] = files.shape;
      const shape = [into, out] as const;
      const block = [scheme.block[1], 1] as const;
      const grid = gridOf(shape, block);
      const { codes, zeros } = packing(scheme.code);
      const inWords = (of: readonly number[], { axis }: Packing) =>
        of.with(axis, Math.ceil(of[axis]! / perWord(codes)));
      const qweight = files.get('.qweight', [inWords(shape, codes)], ['I32']);
      const qzeros = files.get('.qzeros', [inWords(grid, zeros)], ['I32']);
      return transpose(
        blockScaled({
          name: files.name,
          format,
          code: scheme.code,
          of: unpacked(qweight, codes, shape),
          scales: files.get('.scales', [grid], ['F16', 'BF16', 'F32']),
          zeros: { of: unpacked(qzeros, zeros, grid), plus: scheme.plus, fixed: scheme.symmetric },
          block,
          ...takeGroups(files, scheme, { suffix: '.g_idx', axis: 0 }),
          dtype: files.dtype,
        }),
      );
    },
    steps(of) {
      const { codes, zeros } = packing(of.code);
      const words = (axis: 0 | 1) => (codes.axis === axis || zeros.axis === axis ? perWord(codes) : 1);
      return [leastCommonMultiple(groupStep(of, 0), words(0)), words(1)];
    },
    entries(stem, of) {
      const { codes, zeros } = packing(of.code);
      return [
        exprEntry(`${stem}.qweight`, packed(of.of, codes)),
        exprEntry(`${stem}.qzeros`, packed(of.zeros!.of, zeros)),
        exprEntry(`${stem}.scales`, of.scales),
        ...groupEntry(stem, of, '.g_idx', 0),
      ];
    },
  };
}

const leastCommonMultiple = (a: number, b: number): number => (a * b) / greatestCommonDivisor(a, b);

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

/** GPTQ: words of neighbours along the input, zero points along the output. */
export const gptq = inputMajor('gptq', (code) => ({ codes: words(code, 0), zeros: words(code, 1) }));

/** AWQ (GEMM): words of eight neighbours along the output, those of even number before those of odd. */
export const awq = inputMajor('awq', (code) => {
  const packing = { ...words(code, 1), places: [0, 4, 1, 5, 2, 6, 3, 7] };
  return { codes: packing, zeros: packing };
});
