/** The bytes of a matrix [columns, rows] as those of `shape` [rows, columns], elements of `size` bytes. */
export function transposed(
  bytes: Uint8Array<ArrayBuffer>,
  shape: readonly number[],
  size: number,
): Uint8Array<ArrayBuffer> {
  const [rows, columns] = shape as [number, number];
  const out = new Uint8Array(bytes.length);
  // Two bytes a number is what nearly all are: moved at once.
  if (size === 2) {
    const [from, to] = [
      new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2),
      new Uint16Array(out.buffer),
    ];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++)
        to[row * columns + column] = from[column * rows + row]!;
    }
    return out;
  }
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const begin = (column * rows + row) * size;
      out.set(bytes.subarray(begin, begin + size), (row * columns + column) * size);
    }
  }
  return out;
}
