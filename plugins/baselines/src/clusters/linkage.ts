/**
 * Agglomerative clustering with complete linkage: of `items` the two clusters whose farthest members are closest are joined, until
 * `count` are left. `distance` is symmetric; of equal pairs the first is joined. Clusters and their members ascend.
 */
export function completeLinkage(
  items: readonly number[],
  count: number,
  distance: (a: number, b: number) => number,
): number[][] {
  const clusters = items.map((item) => [item]);
  const far = items.map((a) => items.map((b) => distance(a, b)));
  while (clusters.length > count) {
    let [first, second] = [0, 1];
    for (let a = 0; a < clusters.length; a++) {
      for (let b = a + 1; b < clusters.length; b++) {
        if (far[a]![b]! < far[first]![second]!) [first, second] = [a, b];
      }
    }
    clusters[first]!.push(...clusters[second]!);
    for (let c = 0; c < clusters.length; c++) {
      far[first]![c] = Math.max(far[first]![c]!, far[second]![c]!);
      far[c]![first] = far[first]![c]!;
    }
    clusters.splice(second, 1);
    far.splice(second, 1);
    for (const row of far) row.splice(second, 1);
  }
  return clusters.map((cluster) => cluster.sort((a, b) => a - b)).sort((a, b) => a[0]! - b[0]!);
}
