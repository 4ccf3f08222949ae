/** "GGUF" as the first four bytes of a file, read as a little-endian number. */
export const ggufMagic = 0x46554747;

/** The version that is written; files of version 2 have the same form. */
export const ggufVersion = 3;

/** Tensors begin at multiples of this many bytes where metadata does not say otherwise under `general.alignment`. */
export const defaultAlignment = 32;

/** The numbers by which a header names the types of metadata (`gguf_type` of gguf.h). */
export const ggufValueTypes = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

export type GgufValueType = keyof typeof ggufValueTypes;

/** The types of tokens in `tokenizer.ggml.token_type`. */
export const ggufTokenTypes = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** Under this key a file may have a tokenizer.json as it is (docs/gguf.md of ggml). */
export const wholeTokenizerKey = 'tokenizer.huggingface.json';
