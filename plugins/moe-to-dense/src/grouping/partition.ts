/** Members 0 to n - 1 in groups; each group ascending, groups by their first member. */
export type Partition = readonly (readonly number[])[];

/**
 * Exactly `groups` clusters by average linkage: the two clusters whose members are nearest on average become one,
 * of equally near ones the first. `distances` is n x n, symmetric, row-major. (A tree cut at a height would not
 * give that number where heights are equal, as they are between copies.)
 */
export function clustered(distances: Float64Array, groups: number): Partition {
  const n = Math.sqrt(distances.length);
  const clusters = Array.from({ length: n }, (_, member) => [member]);
  while (clusters.length > groups) {
    const [into, from] = nearestPair(clusters, (a, b) => distances[a * n + b]!);
    clusters[into]!.push(...clusters.splice(from, 1)[0]!);
  }
  return ordered(clusters);
}

function nearestPair(
  clusters: Partition,
  distance: (a: number, b: number) => number,
): readonly [number, number] {
  let nearest: readonly [number, number] = [0, 1];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < clusters.length; i++) {
    for (let j = i + 1; j < clusters.length; j++) {
      const [a, b] = [clusters[i]!, clusters[j]!];
      const sum = a.reduce((total, x) => b.reduce((part, y) => part + distance(x, y), total), 0);
      const mean = sum / (a.length * b.length);
      if (mean < least) [least, nearest] = [mean, [i, j]];
    }
  }
  return nearest;
}

/**
 * Groups whose sizes differ by one at most: each of the members with the highest scores begins one, and of all
 * other pairings the nearest that a group has room for is made next.
 */
export function balanced(distances: Float64Array, scores: readonly number[], groups: number): Partition {
  const n = scores.length;
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
  const [centres, others] = [order.slice(0, groups), order.slice(groups)];
  const members = new Map(centres.map((centre) => [centre, [centre]]));
  const [least, larger] = [Math.floor(n / groups), n % groups];
  const hasRoom = (group: readonly number[]) => {
    const full = [...members.values()].filter(({ length }) => length > least).length;
    return group.length < least || (group.length === least && full < larger);
  };
  const pairs = others
    .flatMap((member) =>
      centres.map((centre) => ({ member, centre, distance: distances[centre * n + member]! })),
    )
    .sort((a, b) => a.distance - b.distance || a.member - b.member || a.centre - b.centre);
  const placed = new Set<number>();
  for (const { member, centre } of pairs) {
    const group = members.get(centre)!;
    if (placed.has(member) || !hasRoom(group)) continue;
    group.push(member);
    placed.add(member);
  }
  return ordered([...members.values()]);
}

const ordered = (groups: readonly (readonly number[])[]): Partition =>
  groups.map((group) => group.toSorted((a, b) => a - b)).sort(([a], [b]) => a! - b!);
