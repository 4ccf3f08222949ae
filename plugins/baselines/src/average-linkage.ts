/**
 * Hierarchical clustering with average linkage: starts with each of n items by itself and joins the two nearest clusters until
 * `count` are left, where the distance of two clusters is the mean over all pairs of their items. Of equally near pairs the one
 * with the lowest items is joined. `distances` are n x n, row-major. Returns clusters of ascending items, by their first ones.
 */
export function averageLinkage(distances: Float64Array, n: number, count: number): number[][] {
  const clusters = Array.from({ length: n }, (_, item) => [item]);
  // Sums over pairs, so that joining two clusters adds their rows (Lance and Williams).
  const sums = Array.from({ length: n }, (_, i) => distances.slice(i * n, (i + 1) * n));
  const alive = [...clusters.keys()];
  while (alive.length > count) {
    const [a, b] = nearest(alive, (i, j) => sums[i]![j]! / (clusters[i]!.length * clusters[j]!.length));
    clusters[a]!.push(...clusters[b]!);
    alive.splice(alive.indexOf(b), 1);
    for (const other of alive) {
      sums[a]![other]! += sums[b]![other]!;
      sums[other]![a] = sums[a]![other]!;
    }
  }
  return alive.map((i) => clusters[i]!.sort((x, y) => x - y));
}

/** The pair with the least distance, the lower first. */
function nearest(alive: readonly number[], distance: (i: number, j: number) => number): [number, number] {
  let [a, b, least] = [alive[0]!, alive[1]!, Number.POSITIVE_INFINITY];
  for (const [place, i] of alive.entries()) {
    for (const j of alive.slice(place + 1)) {
      const own = distance(i, j);
      if (own < least) [a, b, least] = [i, j, own];
    }
  }
  return [a, b];
}
