import type { Work } from '@moepress/core';
import { askModel } from '../evaluation/ask-model.js';
import type { ResponseCache } from '../evaluation/response-cache.js';
import type { ScoredTask } from '../evaluation/score-task.js';
import type { LanguageModel, ModelResponse, TokenMovement } from '../model/language-model.js';
import type { GenerationRequest, LoglikelihoodRequest } from '../requests/request.js';
import { leaves, type TaskGroup } from '../tasks/task-group.js';
import { endsInLoop } from './loops.js';
import { isInAnotherScript } from './scripts.js';

/** How far a model has moved from the original on the tokens of a task; shares are from 0 to 1. */
export interface Movement {
  /** Tokens that were compared: of the continuations and texts that are scored, and of the model's own answers. */
  readonly tokens: number;
  /** Mean over them of KL(original || model), in nats. */
  readonly kl_mean: number;
  /** Its 99th percentile, between the two nearest tokens by their distance, as numpy has it. */
  readonly kl_p99: number;
  /** Share of the tokens where both models find the same token the most probable. */
  readonly top1_agreement: number;
  /** Share of generated answers that end in a loop, see `endsInLoop`; absent where none is generated. */
  readonly loops?: number;
  /** Share of generated answers in another script than their questions, see `isInAnotherScript`; likewise. */
  readonly other_script?: number;
}

/** The movement on all tasks together, and by task and group; null and nothing where no token was compared. */
export interface Movements {
  readonly overall: Movement | null;
  readonly byName: Readonly<Record<string, Movement>>;
}

interface Asking {
  readonly model: LanguageModel;
  readonly cache: ResponseCache | undefined;
  readonly work: Work;
}

/** What a task's answers say, before anything is summed up. */
interface Observed {
  readonly tokens: readonly TokenMovement[];
  readonly answers: readonly { readonly loops: boolean; readonly strays: boolean }[];
}

/**
 * How far the model has moved on each task, and on each group over all tokens and answers of its tasks. What the model
 * generated is read by both models once more, after its prompt. Throws what the model throws.
 */
export async function measureMovements(
  tasks: readonly ScoredTask[],
  groups: readonly TaskGroup[],
  asking: Asking,
): Promise<Movements> {
  const read = await readAnswers(tasks, asking);
  const observed = new Map(tasks.map((task) => [task.task.task, observe(task, read)]));
  const ofGroup = (group: TaskGroup): Observed =>
    together(leaves(group).map(({ task }) => observed.get(task)!));
  const all = [...observed, ...groups.map((group) => [group.group, ofGroup(group)] as const)];
  const byName = all.flatMap(([name, own]) => {
    const movement = sumUp(own);
    return movement ? [[name, movement] as const] : [];
  });
  return { overall: sumUp(together([...observed.values()])), byName: Object.fromEntries(byName) };
}

const together = (members: readonly Observed[]): Observed => ({
  tokens: members.flatMap(({ tokens }) => tokens),
  answers: members.flatMap(({ answers }) => answers),
});

type ReadAnswers = ReadonlyMap<GenerationRequest, ModelResponse>;

/** Both models' view of what was generated, by the request that it answers. */
async function readAnswers(
  tasks: readonly ScoredTask[],
  { model, cache, work }: Asking,
): Promise<ReadAnswers> {
  const pairs = new Map<GenerationRequest, LoglikelihoodRequest>();
  for (const { request, response } of generationsOf(tasks)) {
    if (response.trim() === '') continue;
    pairs.set(request, { kind: 'loglikelihood', context: request.context, continuation: response });
  }
  if (pairs.size === 0) return new Map();
  const answers = await askModel(model, [...pairs.values()], cache, work);
  return new Map([...pairs].map(([request, pair]) => [request, answers.get(pair)!]));
}

function generationsOf(tasks: readonly ScoredTask[]) {
  return tasks.flatMap(({ questions }) =>
    questions.flatMap(({ requests, responses }) =>
      requests.flatMap((request, i) =>
        request.kind === 'generate_until' ? [{ request, response: responses[i] as string }] : [],
      ),
    ),
  );
}

function observe(task: ScoredTask, read: ReadAnswers): Observed {
  const scored = task.questions.flatMap(({ responses }) => responses);
  const generations = generationsOf([task]);
  const told = [...scored, ...generations.flatMap(({ request }) => read.get(request) ?? [])];
  return {
    tokens: told.flatMap((response) =>
      typeof response === 'string' || !response.movement ? [] : response.movement,
    ),
    answers: generations.map(({ request, response }) => ({
      loops: endsInLoop(response),
      strays: isInAnotherScript(request.context, response),
    })),
  };
}

function sumUp({ tokens, answers }: Observed): Movement | null {
  if (tokens.length === 0) return null;
  const divergences = Float64Array.from(tokens, ([divergence]) => divergence).sort();
  const share = <T>(items: readonly T[], holds: (item: T) => boolean) =>
    items.filter(holds).length / items.length;
  return {
    tokens: tokens.length,
    kl_mean: divergences.reduce((sum, one) => sum + one, 0) / divergences.length,
    kl_p99: quantile(divergences, 0.99),
    top1_agreement: share(tokens, ([, agrees]) => agrees === 1),
    ...(answers.length > 0 && {
      loops: share(answers, ({ loops }) => loops),
      other_script: share(answers, ({ strays }) => strays),
    }),
  };
}

/** Of ascending numbers, between the two nearest by their distance. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const next = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[next]! - sorted[below]!);
}
