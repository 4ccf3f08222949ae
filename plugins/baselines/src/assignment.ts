/**
 * The permutation with the largest sum Σ values[i][order[i]] of an n x n matrix, row-major: the Hungarian method with
 * potentials, n^3 steps (Kuhn 1955; Jonker and Volgenant 1987).
 */
export function bestAssignment(values: Float64Array, n: number): number[] {
  // Rows are added one by one, each along the shortest path of reduced costs to a free column; index n stands for none.
  const [ofRow, ofColumn] = [new Float64Array(n + 1), new Float64Array(n + 1)];
  const rowAt = new Int32Array(n + 1).fill(n);
  const cameFrom = new Int32Array(n + 1);
  for (let row = 0; row < n; row++) {
    const least = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
    const done = new Uint8Array(n + 1);
    let column = n;
    rowAt[n] = row;
    while (rowAt[column] !== n) {
      done[column] = 1;
      const own = rowAt[column]!;
      let [step, next] = [Number.POSITIVE_INFINITY, n];
      for (let j = 0; j < n; j++) {
        if (done[j]) continue;
        const cost = -values[own * n + j]! - ofRow[own]! - ofColumn[j]!;
        if (cost < least[j]!) [least[j], cameFrom[j]] = [cost, column];
        if (least[j]! < step) [step, next] = [least[j]!, j];
      }
      for (let j = 0; j <= n; j++) {
        if (done[j]) {
          ofRow[rowAt[j]!]! += step;
          ofColumn[j]! -= step;
        } else least[j]! -= step;
      }
      column = next;
    }
    while (column !== n) {
      const before = cameFrom[column]!;
      rowAt[column] = rowAt[before]!;
      column = before;
    }
    rowAt[n] = n;
  }
  const order = new Array<number>(n);
  for (let j = 0; j < n; j++) order[rowAt[j]!] = j;
  return order;
}
