import type { Target } from '../target.test.util.js';

/** Goes wrong in every way, to show that each is seen; not among the targets of `all`. */
export const faulty: Target = {
  name: 'faulty',
  async prepare() {
    let number = 0;
    return async (random) => {
      // The same for the same case, also when it is run alone.
      number = random.below(6);
      if (number === 0) throw new TypeError('raw');
      if (number === 1) for (;;) Math.sqrt(number);
      if (number === 2) return Buffer.alloc(480 * 2 ** 20, 1).length;
      if (number === 3) void Promise.reject(new Error('nobody holds this'));
      return number;
    };
  },
};
