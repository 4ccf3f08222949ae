import type { SequenceScore, TokenSequence } from '@moepress/core';
import { type Model, throwIfAborted, type Work } from '@moepress/core';
import { scoringHeadGraph } from '../decoder/lm-head.js';
import type { Engine } from '../engine/engine.js';
import type { Session } from '../engine/handles.js';
import { int32, tensor } from '../engine/protocol.js';
import { closing } from '../engine/scope.js';
import { treeSizes } from '../footprint/dims.js';
import { runsBytes, yieldedBytes } from '../footprint/inference-plan.js';
import { cacheBytesPerToken, carriedBytes } from '../footprint/shapes.js';
import { batchSequences } from '../tokens/batch-sequences.js';
import { forNobody, planRuns, type Run, wavesOf } from '../tokens/runs.js';
import { sharesPrefixes } from '../tokens/shared-prefixes.js';
import { rowOf } from '../tokens/token-layout.js';
import { assertHeadFinite } from './finite.js';
import { KeptRows } from './kept.js';
import type { ModelRun } from './model-run.js';
import { type Assigned, askedRows, type PassBatch, passUp } from './run-pass.js';
import { helpersOf } from './split-run.js';

/** One scored token, beside the one that greedy decoding would have put there. */
export interface TokenScore {
  /** Natural log-probability given all tokens before it. */
  readonly logprob: number;
  /** The most probable token and its log-probability. */
  readonly best: number;
  readonly bestLogprob: number;
}

/** What `tokens`, the scores of an item, say about it as a whole. */
export function sumScores({ ids, from }: TokenSequence, tokens: readonly TokenScore[]): SequenceScore {
  return {
    logprob: tokens.reduce((sum, { logprob }) => sum + logprob, 0),
    isGreedy: tokens.every(({ best }, i) => best === ids[from + i]),
  };
}

export interface ScoringWork extends Work {
  /**
   * Told, in the order of an item's scores, of the hidden states [H] before the final norm that predict each of its
   * tokens. Tokens after the same tokens may share an array.
   */
  readonly onStates?: ((item: number, states: Float32Array) => void) | undefined;
}

/**
 * Scores each token of sequences, computing what they share once. The results are in the order of the
 * items and of their tokens from `from` on.
 */
export async function scoreSequences(
  run: ModelRun,
  items: readonly TokenSequence[],
  work: ScoringWork = {},
): Promise<TokenScore[][]> {
  const { engine, model } = run;
  const runs = runsFor(engine, model, items);
  const task = 'Scoring';
  const tokens = runs.reduce((sum, { layout }) => sum + layout.ids.length, 0);
  // A token is through once it has passed all blocks and the head.
  const passes = model.blocks.length + 1;
  work.progress?.({ type: 'start', task, total: tokens, unit: 'tokens' });
  let done = 0;
  const advance = ({ layout }: Run) => {
    done += layout.ids.length;
    work.progress?.({ type: 'advance', task, done: Math.floor(done / passes) });
  };
  const scores = items.map((): TokenScore[] => []);
  try {
    const waves = wavesOf(runs, Math.floor(engine.carriedBytes / carriedBytes(model, 1)));
    const taken = waves.map((wave) => waveBytes(engine, model, wave, items));
    const yielding = runs.map(({ lane, layout }) => ({ lane, tokens: layout.ids.length }));
    const bytes = {
      runs: Math.max(0, ...taken.map(({ runs }) => runs)),
      held: Math.max(0, ...taken.map(({ held }) => held)),
      yielded: yieldedBytes(model, yielding),
    };
    engine.reportMemory(bytes, work.progress);
    for (const wave of waves) {
      await scoreWave({ run, items, scores, advance, work }, wave);
    }
    return scores;
  } finally {
    work.progress?.({ type: 'end', task });
  }
}

/** All tokens of a sequence but the last are read; the last one is only predicted. */
function runsFor(engine: Engine, model: Model, items: readonly TokenSequence[]): Run[] {
  const lanes = engine.workers.length;
  const sharePrefixes = sharesPrefixes(model);
  const inputs = items.map(({ ids }) => ids.slice(0, -1));
  if (engine.traits.attention === 'tree' && sharePrefixes) {
    const sequences = items.map(({ from }, i) => ({ ids: inputs[i]!, free: from - 1 }));
    return planRuns(sequences, { tokens: engine.limits.tokens, lanes });
  }
  const limits = { ...engine.limits, heads: model.config.heads, lanes };
  const layouts = batchSequences(inputs, limits, { sharePrefixes });
  return layouts.map((layout, i) => ({ layout, lane: i % lanes, prefix: 0, keeps: false }));
}

/** What the head leaves to the C library for each row it scores, measured where every token of long texts is scored. */
const headBytesPerRow = 96 * 2 ** 10;

/** The memory that a wave takes, with the runs that other workers than their own take part in. */
function waveBytes(
  engine: Engine,
  model: Model,
  wave: readonly Run[],
  items: readonly TokenSequence[],
): { readonly runs: number; readonly held: number } {
  const helped = helpersOf(
    wave.map((run) => ({ run, lane: run.lane })),
    engine,
    model,
  ).map(({ run, lane }) => ({ ...forNobody(run), lane }));
  const all = [...wave, ...helped];
  return { held: heldBytes(model, all), runs: takenBytes(model, all, items) };
}

/** The memory that a wave takes between blocks, and that its runs take in one. */
function heldBytes(model: Model, wave: readonly Run[]): number {
  const tokens = wave.reduce((sum, { layout }) => sum + layout.ids.length, 0);
  const kept = wave.reduce((most, { prefix, keeps, layout }) => {
    return Math.max(most, keeps ? prefix + layout.ids.length : prefix);
  }, 0);
  const each = cacheBytesPerToken(model) / model.blocks.length;
  return carriedBytes(model, tokens) + 4 * kept * each;
}

/** The memory that its largest runs take, and that they leave to the C library. */
function takenBytes(model: Model, wave: readonly Run[], items: readonly TokenSequence[]): number {
  const rows = new Map<number, number>();
  const runs = wave.map((run) => {
    const { lane, prefix, layout } = run;
    const asked = targetsOf(run, items).asked.length;
    rows.set(lane, Math.max(asked, rows.get(lane) ?? 0));
    return { lane, sizes: treeSizes(layout, model.config.heads, prefix), asked };
  });
  const left = [...rows.values()].reduce((sum, asked) => sum + asked, 0) * headBytesPerRow;
  const { heap, mapped } = runsBytes(model, runs);
  return heap + mapped + left;
}

interface Scoring {
  readonly run: ModelRun;
  readonly items: readonly TokenSequence[];
  readonly scores: readonly TokenScore[][];
  readonly advance: (run: Run) => void;
  readonly work: ScoringWork;
}

interface ScoredRun extends Assigned {
  readonly wanted: readonly Wanted[];
}

async function scoreWave(scoring: Scoring, wave: readonly Run[]): Promise<void> {
  const { run: model, items, advance, work } = scoring;
  const assigned = wave.map((run, i): ScoredRun => {
    const targets = targetsOf(run, items);
    return { run, name: `score/${i}`, worker: model.engine.workerFor(run.lane), ...targets };
  });
  const kept = new KeptRows(model.scope);
  const keeps = wave.some((run) => run.keeps);
  const pass = () =>
    passUp(model, assigned, {
      signal: work.signal,
      before: async (block) => {
        if (keeps) await kept.begin(block);
      },
      past: ({ run, worker }) => (run.prefix > 0 ? kept.past(worker) : undefined),
      append: ({ run, worker }, block) => (run.keeps ? kept.append(worker, run, block) : []),
      done: ({ run }) => advance(run),
      ends: (batches) =>
        model.sessions.with(
          'scoring-head',
          () => scoringHeadGraph(model.model),
          (session) => scoreHidden(scoring, session, batches),
        ),
    });
  await closing(pass, () => kept.free());
}

async function scoreHidden(
  { run: { model, engine }, scores, advance, work }: Scoring,
  session: Session,
  batches: readonly PassBatch<ScoredRun>[],
): Promise<void> {
  await engine.spread(batches, async (batch) => {
    throwIfAborted(work.signal);
    advance(batch.run);
    const { asked, wanted } = batch;
    if (asked.length === 0) return;
    const pairs = BigInt64Array.from(wanted.flatMap(({ place, token }) => [BigInt(place), BigInt(token)]));
    const feeds = {
      hidden: batch.hidden,
      rows: int32(askedRows(batch)),
      pairs: tensor('int64', [wanted.length, 2], pairs),
    };
    const fetch = ['logprob', 'best', 'bestLogprob'];
    const [results] = await batch.worker.run([{ session, feeds, fetch }]);
    await assertHeadFinite(model, results!.logprob!.data as Float32Array);
    const states = work.onStates ? await statesOf(batch, model.config.hiddenSize) : null;
    for (const [i, { item, place }] of wanted.entries()) {
      if (states) work.onStates?.(item, states[place]!);
      scores[item]!.push({
        logprob: Number(results!.logprob!.data[i]),
        best: Number(results!.best!.data[i]),
        bestLogprob: Number(results!.bestLogprob!.data[i]),
      });
    }
  });
}

/** The hidden states [H] of each asked row of a batch. */
async function statesOf(batch: PassBatch<ScoredRun>, width: number): Promise<Float32Array[]> {
  const all = (await batch.hidden.read()).data as Float32Array;
  return askedRows(batch).map((row) => all.slice(row * width, (row + 1) * width));
}

/** Which token's log-probability, at which of the asked rows, counts for which item. */
interface Wanted {
  readonly item: number;
  readonly place: number;
  readonly token: number;
}

/** The rows of a run that predict a token somebody asks for; one that several sequences share is there once. */
function targetsOf(
  { layout, prefix }: Run,
  items: readonly TokenSequence[],
): { asked: readonly number[]; wanted: readonly Wanted[] } {
  const found: { item: number; row: number; token: number }[] = [];
  for (const [b, item] of layout.sequences.entries()) {
    const { ids, from } = items[item] ?? { ids: [], from: 0 };
    const end = Math.min(ids.length, prefix + layout.lengths[b]! + 1);
    for (let t = Math.max(from, prefix + 1); t < end; t++) {
      const row = rowOf(layout, b, t - 1 - prefix);
      found.push({ item, row, token: ids[t]! });
    }
  }
  const asked = [...new Set(found.map(({ row }) => row))].sort((a, b) => a - b);
  const places = new Map(asked.map((row, place) => [row, place]));
  return { asked, wanted: found.map(({ row, ...rest }) => ({ ...rest, place: places.get(row)! })) };
}
