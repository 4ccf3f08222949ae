import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import type { Expert, MoeFfn } from '../../model/model.js';
import {
  type ConstantExpr,
  constant,
  decodeNumbers,
  holdsConstants,
  lowestNumber,
} from '../../tensor/constant.js';
import type { DType } from '../../tensor/dtype.js';
import { type TensorExpr, zeros } from '../../tensor/expr.js';
import { checkExperts, defineOperation, index, invalid, moeOf, some } from './operation.js';

const replaced = z.strictObject({
  /** A slot; all that share its expert are meant. */
  expert: index,
  /** What the expert yields for every token (`encodeNumbers`), as many numbers as its down projection has rows. */
  values: z.base64(),
});

/** Experts yield a constant, such as the mean of what they yielded; their weights go, and the router stays as it is. */
export const replaceByConstant = defineOperation({
  schema: z.strictObject({ op: z.literal('replace-by-constant'), experts: some(replaced) }),
  changesExperts: true,
  apply(block, { experts }, context) {
    const ffn = moeOf(block, context);
    const { where } = context;
    checkExperts(
      experts.map(({ expert }) => expert),
      ffn,
      where,
    );
    if (ffn.router.weighs === 'input') {
      throw new MoepressError('CONFIG_UNSUPPORTED', {
        message: 'The router weighs what goes into an expert, which a constant would not depend on.',
        where,
        hint: 'Choose a method that drops experts.',
      });
    }
    return { ...block, ffn: withConstants(ffn, experts, where) };
  },
});

function withConstants(ffn: MoeFfn, experts: readonly z.infer<typeof replaced>[], where: string): MoeFfn {
  const pool = [...ffn.pool];
  for (const { expert: slot, values } of experts) {
    const entry = ffn.slots[slot]!;
    pool[entry] = yieldsConstant(pool[entry]!, values, `${where}, expert ${slot}`);
  }
  return { ...ffn, pool };
}

/** An expert without channels, whose output is the bias of its down projection alone. */
function yieldsConstant(expert: Expert, values: string, where: string): Expert {
  const { kept: _, gate, up, down, bias, ...rest } = expert;
  const none = (of: TensorExpr, axis: 0 | 1) => zeros(of.dtype, of.shape.with(axis, 0));
  const dtype = bias?.down.dtype ?? down.dtype;
  const vector = constantOf(values, { dtype, size: down.shape[0]!, where });
  return {
    ...rest,
    width: 0,
    gate: gate && none(gate, 0),
    up: none(up, 0),
    down: none(down, 1),
    bias: { gate: gate && zeros(dtype, [0]), up: zeros(dtype, [0]), down: vector },
  };
}

/**
 * A vector of `size` numbers of a type. Throws `PLAN_INVALID` for more or fewer, for such as are not finite or not once they are
 * rounded, and for a type that no constant may have.
 */
export function constantOf(
  values: string,
  { dtype, size, where }: { readonly dtype: DType; readonly size: number; readonly where: string },
): ConstantExpr {
  if (!holdsConstants(dtype)) throw invalid(`Numbers of the type ${dtype} cannot be constants`, where);
  const bytes = Buffer.byteLength(values, 'base64');
  if (bytes !== 4 * size)
    throw invalid(`Its values take ${bytes} bytes, and ${size} numbers take ${4 * size}`, where);
  const numbers = decodeNumbers(values);
  const most = -lowestNumber(dtype);
  if (!numbers.every((number) => Math.abs(number) <= most))
    throw invalid(`Its numbers are not all finite, or too large for ${dtype}`, where);
  return constant(dtype, [...numbers]);
}
