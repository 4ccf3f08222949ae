/** What the matrices of a tensor were multiplied with, over the tokens of a text. */
export interface TensorImportance {
  /** Sums of squares of each column, matrix by matrix, [matrices, columns]. */
  readonly squares: Float32Array;
  /** Tokens that each matrix met. */
  readonly counts: Float32Array;
}

/** The importance matrix of a model, by the names of tensors in GGUF files, and what it was measured on. */
export interface Importance {
  readonly tensors: ReadonlyMap<string, TensorImportance>;
  /** Texts, as their owner named them. */
  readonly texts: readonly string[];
}

/**
 * Mean squares of the columns of each matrix, [columns] each, in memory that threads share. A matrix that met no token
 * has 1 for all columns, as in llama.cpp.
 */
export function meanSquares({ squares, counts }: TensorImportance): Float32Array[] {
  const columns = squares.length / counts.length;
  return Array.from(counts, (count, matrix) => {
    const means = new Float32Array(new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT * columns));
    for (let i = 0; i < columns; i++) means[i] = count > 0 ? squares[matrix * columns + i]! / count : 1;
    return means;
  });
}
