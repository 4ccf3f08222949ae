import { byContent } from './batch-sequences.js';
import { commonPrefix, type Ids, type Layout, layOut } from './token-layout.js';

/** A batch that goes through a block as a whole. */
export interface Run {
  readonly layout: Layout;
  /** Which of the workers takes it. */
  readonly lane: number;
  /** Tokens before those of the layout: what the earlier runs of the lane have kept. */
  readonly prefix: number;
  /** Whether the lane keeps the keys and values of its tokens, behind those of `prefix`, for the runs after it. */
  readonly keeps: boolean;
}

/** A sequence, and the number of its first tokens whose results are not needed. */
export interface Sequence {
  readonly ids: Ids;
  readonly free: number;
}

export interface RunLimits {
  /** Packed tokens of a run. */
  readonly tokens: number;
  /** Runs that go side by side. */
  readonly lanes: number;
}

/** Fewer tokens than this are not worth a run of their own. */
const leastShared = 64;

export type Numbered = Sequence & { readonly index: number };

/**
 * Arranges sequences in runs of at most `tokens` packed tokens, spread over the lanes. A token that several sequences of a
 * run share, with all before it, is computed once, and so are, in each lane, the first tokens of many sequences that do
 * not fit in one run. A sequence that is longer than a run takes several, each after what the ones before it have kept.
 */
export function planRuns(sequences: readonly Sequence[], limits: RunLimits): Run[] {
  const { tokens, lanes } = limits;
  const numbered = sequences
    .map((sequence, index): Numbered => ({ ...sequence, index }))
    .filter(({ ids }) => ids.length > 0);
  const runs: Run[] = [];
  const others: Numbered[] = [];
  for (const { members, prefix } of families(numbered.filter(({ ids }) => ids.length <= tokens))) {
    if (prefix === 0 || packedTokens(members) <= tokens) others.push(...members);
    else runs.push(...familyRuns(members, prefix, limits));
  }
  const long = numbered.filter(({ ids }) => ids.length > tokens);
  for (const [i, { index, ids }] of long.entries())
    runs.push(...pieces(ids, { index, lane: i % lanes, tokens }));
  for (const [i, layout] of cut(others, 0, limits).entries()) {
    // The other way round, so that of an odd number of long ones and others no lane gets the larger half of both.
    runs.push({ layout, lane: lanes - 1 - (i % lanes), prefix: 0, keeps: false });
  }
  return runs;
}

/**
 * The prompts of a lane, whose first `shared` tokens are the same, as runs for one worker; their layouts number the
 * prompts as they come. Without `share` no token is computed for two prompts.
 */
export function laneRuns(
  prompts: readonly Ids[],
  shared: number,
  { tokens, share }: { readonly tokens: number; readonly share: boolean },
): Run[] {
  const members = prompts.map((ids, index): Numbered => ({ ids, index, free: 0 }));
  if (share) members.sort(byContent);
  const limits = { tokens, lanes: 1 };
  if (shared > 0) return familyRuns(members, shared, limits);
  return cut(members, 0, limits, share).map((layout): Run => ({ layout, lane: 0, prefix: 0, keeps: false }));
}

/**
 * Splits runs into waves of at most `tokens` tokens, or as many as belong together, that go through the model together:
 * what all blocks hold of them is then bounded. What a run comes after is in its wave too, for nobody if an earlier one
 * has it.
 */
export function wavesOf(runs: readonly Run[], tokens: number): Run[][] {
  const kept = new Map<number, Run[]>();
  const waves: Run[][] = [];
  let wave: Run[] = [];
  let members = new Set<Run>();
  let size = 0;
  for (const run of runs) {
    const before = run.prefix > 0 ? kept.get(run.lane)! : [];
    if (run.keeps) kept.set(run.lane, [...before, run]);
    // It comes with the first run after it.
    if (run.layout.sequences[0] === nobody) continue;
    if (size > 0 && size + run.layout.ids.length > tokens) {
      waves.push(wave);
      [wave, members, size] = [[], new Set(), 0];
    }
    const missing = before.filter((other) => !members.has(other));
    wave.push(...missing.map(forNobody), run);
    for (const added of [...missing, run]) {
      members.add(added);
      size += added.layout.ids.length;
    }
  }
  if (wave.length > 0) waves.push(wave);
  return waves;
}

/** A run of which only keys and values are needed. */
export const forNobody = (run: Run): Run => ({
  ...run,
  layout: { ...run.layout, sequences: run.layout.sequences.map(() => nobody) },
});

export interface Family {
  readonly members: readonly Numbered[];
  /** Free tokens that all members begin with; 0 where these are too few. */
  readonly prefix: number;
}

/** Sequences by content, in groups that have so much in common that it may be worth a run. */
export function* families(sequences: readonly Numbered[]): Generator<Family> {
  let members: Numbered[] = [];
  let prefix = 0;
  for (const sequence of [...sequences].sort(byContent)) {
    const before = members.at(-1);
    const common = before ? Math.min(prefix, sequence.free, commonPrefix(before.ids, sequence.ids)) : 0;
    if (before && common < leastShared) {
      yield { members, prefix: members.length > 1 ? prefix : 0 };
      members = [];
    }
    prefix = members.length > 0 ? common : Math.min(sequence.free, sequence.ids.length);
    members.push(sequence);
  }
  if (members.length > 0) yield { members, prefix: members.length > 1 ? prefix : 0 };
}

/** The number of a sequence that no caller has given. */
const nobody = -1;

function familyRuns(members: readonly Numbered[], prefix: number, limits: RunLimits): Run[] {
  const { lanes, tokens } = limits;
  const shared = Array.from(members[0]!.ids).slice(0, prefix);
  const rest = members.map(({ ids, ...others }) => ({ ...others, ids: Array.from(ids).slice(prefix) }));
  const layouts = cut(rest, prefix, limits);
  return [
    ...Array.from({ length: Math.min(lanes, layouts.length) }, (_, lane) =>
      pieces(shared, { index: nobody, lane, tokens, keepsAll: true }),
    ).flat(),
    ...layouts.map((layout, i): Run => ({ layout, lane: i % lanes, prefix, keeps: false })),
  ];
}

/** A sequence in as few runs of about the same size as the limit allows; the last one is kept only with `keepsAll`. */
function pieces(
  ids: Ids,
  options: { index: number; lane: number; tokens: number; keepsAll?: boolean },
): Run[] {
  const { index, lane, tokens, keepsAll = false } = options;
  const count = Math.ceil(ids.length / tokens);
  return Array.from({ length: count }, (_, i): Run => {
    const [from, to] = [i, i + 1].map((part) => Math.floor((part * ids.length) / count)) as [number, number];
    const part = [{ index, ids: Array.from(ids).slice(from, to) }];
    return { layout: layOut(part, { starts: [from] }), lane, prefix: from, keeps: keepsAll || i < count - 1 };
  });
}

/**
 * Cuts neighbours into layouts of about the same size, as many as keep all lanes busy, whose first tokens stand at
 * position `start`.
 */
function cut(
  ordered: readonly Numbered[],
  start: number,
  { tokens, lanes }: RunLimits,
  sharePrefixes = true,
): Layout[] {
  const total = sharePrefixes ? packedTokens(ordered) : ordered.reduce((sum, { ids }) => sum + ids.length, 0);
  const count = Math.ceil(total / (tokens * lanes)) * lanes;
  const layouts: Layout[] = [];
  let open: Numbered[] = [];
  let [own, all] = [0, 0];
  const close = () => {
    const starts = open.map(() => start);
    layouts.push(layOut(open, { sharePrefixes, starts }));
  };
  for (const sequence of ordered) {
    const before = open.at(-1);
    const common = before && sharePrefixes ? commonPrefix(before.ids, sequence.ids) : 0;
    const added = sequence.ids.length - common;
    const share = ((layouts.length + 1) * total) / count;
    if (before && (own + added > tokens || all + added / 2 > share)) {
      close();
      open = [];
      own = sequence.ids.length;
    } else own += added;
    all += added;
    open.push(sequence);
  }
  if (open.length > 0) close();
  return layouts;
}

/** The tokens of neighbouring sequences, without those that one shares with the sequence before it. */
function packedTokens(ordered: readonly Numbered[]): number {
  return ordered.reduce(
    (sum, { ids }, i) => sum + ids.length - (i === 0 ? 0 : commonPrefix(ordered[i - 1]!.ids, ids)),
    0,
  );
}
