/** The importances of the columns that a block of a row covers; `importance` is that of a row, and rows lie one behind the other. */
export function importanceOfBlock({
  importance,
  begin,
  size,
}: {
  readonly importance: Float32Array;
  readonly begin: number;
  readonly size: number;
}): Float32Array {
  const column = begin % importance.length;
  return importance.subarray(column, column + size);
}
