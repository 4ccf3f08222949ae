/**
 * A WebAssembly module, byte by byte, after the binary format of the core specification 2.0 (section 5). Only what
 * kernels use is here.
 */

/** Types of values, as they are encoded. */
export const types = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof types;

/** Number of a local variable of a function. */
export type Local = number;

const plain = {
  'i32.lt_u': 0x49,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.and': 0x71,
  'i32.shl': 0x74,
  'f32.add': 0x92,
  'f32.mul': 0x94,
  'f32.reinterpret_i32': 0xbe,
} as const;

const simd = {
  'i8x16.swizzle': 0x0e,
  'f32x4.splat': 0x13,
  'f32x4.ne': 0x42,
  'f32x4.ge': 0x46,
  'v128.and': 0x4e,
  'v128.or': 0x50,
  'v128.bitselect': 0x52,
  'i8x16.shr_u': 0x6d,
  'i16x8.narrow_i32x4_u': 0x86,
  'i32x4.shl': 0xab,
  'i32x4.shr_u': 0xad,
  'i32x4.add': 0xae,
  'f32x4.add': 0xe4,
  'f32x4.mul': 0xe6,
} as const;

const memory = {
  'i32.load16_u': [0x2f],
  'f32.load': [0x2a],
  'f32.store': [0x38],
  'v128.load': [0xfd, 0x00],
  'v128.load16x4_u': [0xfd, 0x04],
  'v128.load32_splat': [0xfd, 0x09],
  'v128.store': [0xfd, 0x0b],
} as const;

/** Writes the body of a function. What is computed lies on a stack: operands first, then the instruction. */
export class FunctionWriter {
  readonly name: string;
  readonly parameters: number;
  readonly #locals: ValueType[] = [];
  readonly #code: number[] = [];

  /** All parameters are of type i32; nothing is returned. */
  constructor(name: string, parameters: number) {
    this.name = name;
    this.parameters = parameters;
  }

  local(type: ValueType): Local {
    this.#locals.push(type);
    return this.parameters + this.#locals.length - 1;
  }

  get(...locals: readonly Local[]): this {
    for (const local of locals) this.#code.push(0x20, ...unsigned(local));
    return this;
  }

  set(local: Local): this {
    this.#code.push(0x21, ...unsigned(local));
    return this;
  }

  int(value: number): this {
    this.#code.push(0x41, ...signed(value));
    return this;
  }

  /** Four times the same 32 bits. */
  vector(bits: number): this {
    return this.bytes(Array.from({ length: 16 }, (_, i) => (bits >>> (8 * (i % 4))) & 0xff));
  }

  /** A vector of 16 bytes, the first one at the lowest address. */
  bytes(bytes: readonly number[]): this {
    this.#code.push(0xfd, 0x0c, ...bytes);
    return this;
  }

  /** Of the 32 bytes of two vectors on the stack those with the 16 given numbers. */
  shuffle(places: readonly number[]): this {
    this.#code.push(0xfd, 0x0d, ...places);
    return this;
  }

  /** Loads from, or stores to, the address on the stack plus `offset` bytes; nothing need be aligned. */
  at(instruction: keyof typeof memory, offset = 0): this {
    this.#code.push(...memory[instruction], 0, ...unsigned(offset));
    return this;
  }

  do(...instructions: readonly (keyof typeof plain | keyof typeof simd)[]): this {
    for (const instruction of instructions) {
      if (instruction in plain) this.#code.push(plain[instruction as keyof typeof plain]);
      else this.#code.push(0xfd, ...unsigned(simd[instruction as keyof typeof simd]));
    }
    return this;
  }

  /** One of the four numbers of the vector on the stack. */
  lane(index: number): this {
    this.#code.push(0xfd, 0x1f, index);
    return this;
  }

  /** Repeats `body` while `counter` is below `end`, not even once if it is not to begin with. */
  while(counter: Local, end: Local, body: () => void): this {
    const below = () => this.get(counter, end).do('i32.lt_u');
    below();
    this.#code.push(0x04, 0x40, 0x03, 0x40);
    body();
    below();
    this.#code.push(0x0d, 0x00, 0x0b, 0x0b);
    return this;
  }

  /** Adds a constant to a local. */
  advance(local: Local, by: number): this {
    return this.get(local).int(by).do('i32.add').set(local);
  }

  /** The function's entry in the section of code. */
  encode(): number[] {
    const locals = this.#locals.map((type) => [1, types[type]]);
    return sized([...list(locals), ...this.#code, 0x0b]);
  }
}

/** A module of functions over a memory that it imports: of this thread alone as `memory.own`, or as `memory.shared`. */
export function assemble(
  functions: readonly FunctionWriter[],
  memory: 'own' | 'shared',
): Uint8Array<ArrayBuffer> {
  const text = (value: string) => sized([...new TextEncoder().encode(value)]);
  const section = (id: number, content: number[]) => [id, ...sized(content)];
  const signatures = functions.map(({ parameters }) => [
    0x60,
    ...list(Array.from({ length: parameters }, () => [types.i32])),
    0,
  ]);
  const limits = [memory === 'shared' ? 0x03 : 0x01, ...unsigned(1), ...unsigned(mostPages)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list(signatures)),
    ...section(2, list([[...text('memory'), ...text(memory), 0x02, ...limits]])),
    ...section(3, list(functions.map((_, i) => unsigned(i)))),
    ...section(7, list(functions.map(({ name }, i) => [...text(name), 0x00, ...unsigned(i)]))),
    ...section(10, list(functions.map((each) => each.encode()))),
  ]);
}

/** Pages of 64 KiB that a memory can have at most. */
export const mostPages = 65536;

const list = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
];

const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes];

/** LEB128, seven bits a byte, the lowest first. */
function unsigned(value: number): number[] {
  const rest = Math.floor(value / 128);
  return rest === 0 ? [value] : [(value % 128) | 0x80, ...unsigned(rest)];
}

function signed(value: number): number[] {
  const [low, rest] = [value & 0x7f, value >> 7];
  const ends = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return ends ? [low] : [low | 0x80, ...signed(rest)];
}
