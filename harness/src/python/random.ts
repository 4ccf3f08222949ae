/**
 * CPython's random.Random: the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998) and the ways
 * Python draws from it, so that a seed gives the few-shot examples it gives there.
 */
export class PythonRandom {
  readonly #state = new Uint32Array(624);
  #position = 624;

  /** `seed` is a non-negative integer below 2^53. */
  constructor(seed: number) {
    const digits = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
    this.#seedByArray(digits[1] === 0 ? digits.slice(0, 1) : digits);
  }

  /** `bits` random bits, at most 32. */
  getrandbits(bits: number): number {
    return this.#word() >>> (32 - bits);
  }

  /** Uniform in [0, 1) with 53 random bits. */
  random(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** Uniform in 0 .. n-1, by rejection. */
  randbelow(n: number): number {
    const bits = 32 - Math.clz32(n);
    for (;;) {
      const value = this.getrandbits(bits);
      if (value < n) return value;
    }
  }

  /** `k` different elements in the order they are drawn. */
  sample<T>(population: readonly T[], k: number): T[] {
    const n = population.length;
    if (k > n) throw new RangeError(`cannot sample ${k} of ${n}`);
    return n <= sampleSetSize(k) ? this.#sampleFromPool(population, k) : this.#sampleBySet(population, k);
  }

  /** Fisher-Yates from the end, in place. */
  shuffle<T>(items: T[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.randbelow(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
  }

  #sampleFromPool<T>(population: readonly T[], k: number): T[] {
    const pool = [...population];
    return Array.from({ length: k }, (_, i) => {
      const j = this.randbelow(population.length - i);
      const drawn = pool[j]!;
      pool[j] = pool[population.length - i - 1]!;
      return drawn;
    });
  }

  #sampleBySet<T>(population: readonly T[], k: number): T[] {
    const drawn = new Set<number>();
    while (drawn.size < k) drawn.add(this.randbelow(population.length));
    return [...drawn].map((index) => population[index]!);
  }

  #seedByArray(key: readonly number[]): void {
    const mt = this.#state;
    mt[0] = 19650218;
    for (let i = 1; i < 624; i++) mt[i] = Math.imul(1812433253, mt[i - 1]! ^ (mt[i - 1]! >>> 30)) + i;
    let i = 1;
    const advance = () => {
      if (++i === 624) {
        mt[0] = mt[623]!;
        i = 1;
      }
    };
    for (let step = 0; step < Math.max(624, key.length); step++) {
      const j = step % key.length;
      mt[i] = (mt[i]! ^ Math.imul(mt[i - 1]! ^ (mt[i - 1]! >>> 30), 1664525)) + key[j]! + j;
      advance();
    }
    for (let step = 0; step < 623; step++) {
      mt[i] = (mt[i]! ^ Math.imul(mt[i - 1]! ^ (mt[i - 1]! >>> 30), 1566083941)) - i;
      advance();
    }
    mt[0] = 0x80000000;
  }

  #word(): number {
    if (this.#position === 624) this.#twist();
    let y = this.#state[this.#position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const mt = this.#state;
    for (let i = 0; i < 624; i++) {
      const y = (mt[i]! & 0x80000000) | (mt[(i + 1) % 624]! & 0x7fffffff);
      mt[i] = mt[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#position = 0;
  }
}

/** Up to this population size Python copies the population; above it remembers what was drawn. */
function sampleSetSize(k: number): number {
  return k > 5 ? 21 + 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 21;
}
