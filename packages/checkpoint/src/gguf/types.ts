/** A type of tensors in a GGUF file: rows are cut into blocks of `block` elements, each of which takes `bytes` bytes. */
export interface GgmlType {
  /** The name that llama.cpp gives it, in lower case. */
  readonly name: string;
  /** The number by which files name it (`ggml_type` of ggml.h). */
  readonly id: number;
  readonly block: number;
  readonly bytes: number;
}

const type = (id: number, block: number, bytes: number) => ({ id, block, bytes });

/** Every type that a tensor of a file may have. The numbers between them belonged to types that are gone. */
const types = {
  f32: type(0, 1, 4),
  f16: type(1, 1, 2),
  q4_0: type(2, 32, 18),
  q4_1: type(3, 32, 20),
  q5_0: type(6, 32, 22),
  q5_1: type(7, 32, 24),
  q8_0: type(8, 32, 34),
  q8_1: type(9, 32, 40),
  q2_k: type(10, 256, 84),
  q3_k: type(11, 256, 110),
  q4_k: type(12, 256, 144),
  q5_k: type(13, 256, 176),
  q6_k: type(14, 256, 210),
  q8_k: type(15, 256, 292),
  iq2_xxs: type(16, 256, 66),
  iq2_xs: type(17, 256, 74),
  iq3_xxs: type(18, 256, 98),
  iq1_s: type(19, 256, 50),
  iq4_nl: type(20, 32, 18),
  iq3_s: type(21, 256, 110),
  iq2_s: type(22, 256, 82),
  iq4_xs: type(23, 256, 136),
  i8: type(24, 1, 1),
  i16: type(25, 1, 2),
  i32: type(26, 1, 4),
  i64: type(27, 1, 8),
  f64: type(28, 1, 8),
  iq1_m: type(29, 256, 56),
  bf16: type(30, 1, 2),
  tq1_0: type(34, 256, 54),
  tq2_0: type(35, 256, 66),
  mxfp4: type(39, 32, 17),
  nvfp4: type(40, 64, 36),
  q1_0: type(41, 128, 18),
} as const satisfies Readonly<Record<string, Omit<GgmlType, 'name'>>>;

export type GgmlTypeName = keyof typeof types;

export const ggmlTypes = Object.fromEntries(
  Object.entries(types).map(([name, sizes]) => [name, { name, ...sizes }]),
) as Readonly<Record<GgmlTypeName, GgmlType>>;

const byId = new Map(Object.values(ggmlTypes).map((each) => [each.id, each]));

/** The type with a number, or undefined where no type has it. */
export const ggmlTypeOf = (id: number): GgmlType | undefined => byId.get(id);

/** Bytes of a tensor whose rows have `columns` elements, a multiple of the type's block. */
export const ggmlBytes = ({ block, bytes }: GgmlType, rows: number, columns: number): number =>
  rows * (columns / block) * bytes;
