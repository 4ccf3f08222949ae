import type { InWorker } from '../engine/engine.js';
import { byContent } from './batches.js';
import { commonPrefix, type Ids, type Layout, layOut } from './layout.js';

/** A batch that goes through the blocks as one run of each. */
export interface Run {
  readonly layout: Layout;
  /** Which of the workers takes it. */
  readonly lane: number;
  /**
   * `shared`: the tokens that all sequences of the runs after it begin with, up to the next such run of the lane;
   * `after`: without those tokens, of which there are `prefix`; `alone`: whole sequences.
   */
  readonly kind: 'shared' | 'after' | 'alone';
  readonly prefix: number;
}

/** A sequence, and how many of its first tokens nobody wants to know anything about. */
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
 * Arranges sequences in runs of at most `tokens` packed tokens, spread over the lanes; a longer sequence has a run of its
 * own. A token that several sequences of a run share, with all before it, is computed once, and so are, in each lane, the
 * first tokens of many sequences that do not fit in one run.
 */
export function planRuns(sequences: readonly Sequence[], limits: RunLimits): Run[] {
  const numbered = sequences
    .map((sequence, index): Numbered => ({ ...sequence, index }))
    .filter(({ ids }) => ids.length > 0);
  const runs: Run[] = [];
  const others: Numbered[] = [];
  for (const { members, prefix } of families(numbered)) {
    if (prefix === 0 || packedTokens(members) <= limits.tokens) others.push(...members);
    else runs.push(...familyRuns(members, prefix, limits));
  }
  for (const [i, layout] of cut(others, 0, limits).entries()) {
    runs.push({ layout, lane: i % limits.lanes, kind: 'alone', prefix: 0 });
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
  return cut(members, 0, limits, share).map((layout): Run => ({ layout, lane: 0, kind: 'alone', prefix: 0 }));
}

/** The last of the batches of each worker. */
export function lastOf<T extends InWorker>(batches: readonly T[]): Set<T> {
  return new Set(new Map(batches.map((batch) => [batch.worker, batch])).values());
}

export interface Family {
  readonly members: readonly Numbered[];
  /** Free tokens that all members begin with; 0 where these are too few. */
  readonly prefix: number;
}

/** Sequences by content, in groups that have so much in common that it may be worth a run. */
export function* families(sequences: readonly Numbered[]): Generator<Family> {
  const ordered = [...sequences].sort(byContent);
  let members: Numbered[] = [];
  let prefix = 0;
  for (const sequence of ordered) {
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

function familyRuns(members: readonly Numbered[], prefix: number, limits: RunLimits): Run[] {
  const shared = layOut([{ index: -1, ids: Array.from(members[0]!.ids).slice(0, prefix) }]);
  const rest = members.map(({ ids, ...others }) => ({ ...others, ids: Array.from(ids).slice(prefix) }));
  const layouts = cut(rest, prefix, limits);
  const lanes = Array.from({ length: Math.min(limits.lanes, layouts.length) }, (_, lane) => lane);
  return [
    ...lanes.map((lane): Run => ({ layout: shared, lane, kind: 'shared', prefix: 0 })),
    ...layouts.map((layout, i): Run => ({ layout, lane: i % limits.lanes, kind: 'after', prefix })),
  ];
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
  const total = packedTokens(ordered);
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
    const added = sequence.ids.length - (before ? commonPrefix(before.ids, sequence.ids) : 0);
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

/** Tokens of neighbours without those that one shares with the one before it. */
function packedTokens(ordered: readonly Numbered[]): number {
  return ordered.reduce(
    (sum, { ids }, i) => sum + ids.length - (i === 0 ? 0 : commonPrefix(ordered[i - 1]!.ids, ids)),
    0,
  );
}

/**
 * Splits runs into waves of at most `tokens` tokens, or one run, that go through the model together: what all blocks hold
 * of them is then bounded. Each wave has the shared runs that its runs come after.
 */
export function wavesOf(runs: readonly Run[], tokens: number): Run[][] {
  const waves: Run[][] = [];
  const shared = new Map<number, Run>();
  let wave: Run[] = [];
  let size = 0;
  for (const run of runs) {
    if (run.kind === 'shared') {
      shared.set(run.lane, run);
      continue;
    }
    const first = run.kind === 'after' ? shared.get(run.lane)! : undefined;
    if (size > 0 && size + run.layout.ids.length > tokens) {
      waves.push(wave);
      [wave, size] = [[], 0];
    }
    const added = first && !wave.includes(first) ? [first, run] : [run];
    wave.push(...added);
    size += added.reduce((sum, { layout }) => sum + layout.ids.length, 0);
  }
  if (wave.length > 0) waves.push(wave);
  return waves;
}
