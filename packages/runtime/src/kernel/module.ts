import { assemble, FunctionWriter } from '@moepress/checkpoint/web-assembly';

/** Columns that one vector of BF16 holds, and vectors of an iteration. */
const [lanes, unrolled] = [8, 4];

/**
 * A module with `product(w, rows, columns, x, y)` of byte addresses and counts: y = W x for W [rows, columns] in BF16,
 * row-major, x and y in fp32, at any places of the shared memory. Two neighbours of W are one word, of which the lower
 * half is shifted up and the upper half masked; so x is arranged as `arrange` does it. One row of W after the other,
 * because one stream of memory is fetched ahead best: 10 billion weights a second and core, several at once 4 to 6.
 */
export function productModule(): Uint8Array<ArrayBuffer> {
  const code = new FunctionWriter('product', 5);
  const [weights, rows, columns, x, y] = [0, 1, 2, 3, 4];
  const integer = () => code.local('i32');
  const vector = () => code.local('v128');
  const [lastY, unrolledEnd, wholeEnd, end, place] = [integer(), integer(), integer(), integer(), integer()];
  const sums = Array.from({ length: unrolled }, () => ({ even: vector(), odd: vector() }));
  const [pair, mask, total] = [vector(), vector(), code.local('f32')];

  /** Adds the products of the next eight columns, the i-th of an iteration. */
  const addVector = (i: number) => {
    const { even, odd } = sums[i]!;
    code
      .get(weights)
      .at('v128.load', 2 * lanes * i)
      .set(pair);
    code
      .get(even, pair)
      .int(16)
      .do('i32x4.shl')
      .get(place)
      .at('v128.load', 4 * lanes * i);
    code.do('f32x4.mul', 'f32x4.add').set(even);
    code
      .get(odd, pair, mask)
      .do('v128.and')
      .get(place)
      .at('v128.load', 4 * lanes * i + 16);
    code.do('f32x4.mul', 'f32x4.add').set(odd);
  };
  const advance = (count: number) => code.advance(weights, 2 * count).advance(place, 4 * count);
  /** The place in x after as many columns as fill groups of so many. */
  const endOf = (group: number, local: number) =>
    code.get(columns).int(-group).do('i32.and').int(4).do('i32.mul').get(x).do('i32.add').set(local);

  code.vector(0xffff0000).set(mask);
  code.get(rows).int(4).do('i32.mul').get(y).do('i32.add').set(lastY);
  endOf(lanes * unrolled, unrolledEnd);
  endOf(lanes, wholeEnd);
  endOf(1, end);
  code.while(y, lastY, () => {
    code.get(x).set(place);
    for (const { even, odd } of sums) code.vector(0).set(even).vector(0).set(odd);
    code.while(place, unrolledEnd, () => {
      for (let i = 0; i < unrolled; i++) addVector(i);
      advance(lanes * unrolled);
    });
    code.while(place, wholeEnd, () => {
      addVector(0);
      advance(lanes);
    });
    const [first, ...others] = sums.flatMap(({ even, odd }) => [even, odd]);
    for (const other of others) code.get(first!, other).do('f32x4.add').set(first!);
    code.get(first!).lane(0).get(first!).lane(1).do('f32.add');
    code.get(first!).lane(2).get(first!).lane(3).do('f32.add', 'f32.add').set(total);
    code.while(place, end, () => {
      code.get(total, weights).at('i32.load16_u').int(16).do('i32.shl', 'f32.reinterpret_i32');
      code.get(place).at('f32.load').do('f32.mul', 'f32.add').set(total);
      advance(1);
    });
    code.get(y, total).at('f32.store').advance(y, 4);
  });
  return assemble([code], 'shared');
}

/** Writes x as `product` reads it: of each eight numbers the four of even place, then those of odd place; the last as they are. */
export function arrange(x: Float32Array, into: Float32Array): void {
  const whole = x.length - (x.length % lanes);
  for (let i = 0; i < whole; i += lanes) {
    for (let k = 0; k < lanes / 2; k++) {
      into[i + k] = x[i + 2 * k]!;
      into[i + lanes / 2 + k] = x[i + 2 * k + 1]!;
    }
  }
  into.set(x.subarray(whole), whole);
}
