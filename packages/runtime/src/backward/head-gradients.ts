import { type CalibrationSet, type Model, type TokenRange, throwIfAborted, type Work } from '@moepress/core';
import { lossGradientGraph } from '../decoder/loss-graph.js';
import { nextTokenLoss } from '../decoder/losses.js';
import type { Session, TensorHandle } from '../engine/handles.js';
import { int32, tensor } from '../engine/protocol.js';
import type { ModelRun } from '../forward/model-run.js';
import { type BatchStates, gradientKey, hiddenKey } from '../states/batch-states.js';
import type { Ids } from '../tokens/token-layout.js';

/** Numbers of logits computed at once: about 128 MiB of fp32. */
const logitsBudget = 2 ** 25;

/** The number of rows of a sequence of this many tokens that go through the head at once. */
export function headRows({ config }: Pick<Model, 'config'>, tokens: number): number {
  const scored = tokens - 1;
  // The number of runs that comes closest to the budget, since each run converts the whole head.
  const runs = Math.max(1, Math.round((scored * config.vocabSize) / logitsBudget));
  return Math.ceil(scored / runs);
}

/** Turns the final hidden states of each sequence into their gradient; yields the mean losses of the tokens that count. */
export async function headGradients(
  { engine, scope, model }: ModelRun,
  states: BatchStates,
  { counted, signal }: Pick<Work, 'signal'> & Pick<CalibrationSet, 'counted'>,
): Promise<number[]> {
  const [hidden, gradient] = [hiddenKey(model.blocks.length), gradientKey(model.blocks.length)];
  return scope.with(lossGradientGraph(model.config.hiddenSize, nextTokenLoss(model)), (session) =>
    engine.spread(states.batches, (batch) =>
      states.using(batch, { consumes: [hidden], writes: gradient }, () =>
        headGradient(
          { session, model, signal },
          {
            ids: batch.layout.ids,
            asked: askedRows(batch.layout.ids, counted?.[batch.layout.sequences[0]!]),
            hidden: states.tensor(batch, hidden),
            gradient: states.tensor(batch, gradient),
          },
        ),
      ),
    ),
  );
}

/** The rows that predict a token whose loss counts: one for every token but the first, unless some are chosen. */
function askedRows(ids: Ids, ranges: readonly TokenRange[] = [[0, ids.length]]): number[] {
  return ranges.flatMap(([from, to]) =>
    Array.from({ length: to - Math.max(1, from) }, (_, i) => Math.max(1, from) + i - 1),
  );
}

interface SequenceHead {
  readonly ids: Ids;
  readonly asked: readonly number[];
  readonly hidden: TensorHandle;
  readonly gradient: TensorHandle;
}

async function headGradient(
  { session, model, signal }: { session: Session; model: Model } & Pick<Work, 'signal'>,
  { ids, asked, hidden, gradient }: SequenceHead,
): Promise<number> {
  const scored = asked.length;
  const step = headRows(model, ids.length);
  const dims = [ids.length, model.config.hiddenSize];
  await gradient.put(tensor('float32', dims, new Float32Array(dims[0]! * dims[1]!)));
  let loss = 0;
  for (let from = 0; from < scored; from += step) {
    throwIfAborted(signal);
    const rows = Int32Array.from(asked.slice(from, from + step));
    const pairs = BigInt64Array.from(
      [...rows].flatMap((row, place) => [BigInt(place), BigInt(ids[row + 1]!)]),
    );
    const feeds = {
      ...{ hidden, gradient },
      rows: int32(rows),
      pairs: tensor('int64', [rows.length, 2], pairs),
      scale: tensor('float32', [], Float32Array.of(1 / scored)),
    };
    const keep = { gradientOut: gradient };
    const [results] = await gradient.worker.run([{ session, feeds, fetch: ['loss'], keep }]);
    loss += Number(results!.loss!.data[0]);
  }
  return loss / scored;
}
