import type { Plugin } from '@moepress/core';
import {
  evaluate,
  findTaskOrGroup,
  isGroup,
  type LanguageModel,
  leaves,
  openDatasets,
  registerTasks,
  type Sample,
  type Task,
} from '@moepress/harness';
import { type Check, type ConformanceOptions, hold, same } from '../checks/check.js';

const origin = { package: 'testkit', version: '0.0.0' };

/** Documents of a task that are looked at. */
const limit = 8;

/** Scores that are 1 for whoever answers everything rightly. */
const shares = /^(acc|acc_norm|acc_bytes|exact_match|pass@\d+),/;

/** What must hold for the tasks of a plugin. */
export function taskChecks({ tasks = [] }: Plugin, options: ConformanceOptions): Check[] {
  return tasks.flatMap((one) => {
    const name = 'group' in one ? one.group : one.task;
    const asTask = () => {
      registerTasks([one], origin);
      const found = findTaskOrGroup(name);
      return isGroup(found) ? leaves(found) : [found];
    };
    const checks: Check[] = [
      { name: 'is a task', run: async () => void asTask() },
      { name: 'asks the same again', run: () => asksTheSame(asTask(), options) },
      { name: 'gives right answers full marks, and wrong ones less', run: () => marks(asTask(), options) },
    ];
    return checks.map((check) => ({ ...check, name: `${name}: ${check.name}` }));
  });
}

async function asksTheSame(tasks: readonly Task[], options: ConformanceOptions): Promise<void> {
  for (const task of tasks) {
    const [first, second] = [await asked(task, options), await asked(task, options)];
    hold(first.length > 0, `${task.task} asks nothing.`);
    same(
      first,
      second,
      `${task.task} asks otherwise when it is asked again: its templates must depend on the document alone.`,
    );
  }
}

/** All requests of a task, in their order. */
async function asked(task: Task, { data }: ConformanceOptions): Promise<unknown[]> {
  const requests: unknown[] = [];
  const noting =
    <Request, Answer>(answer: Answer) =>
    async (given: readonly Request[]): Promise<Answer[]> => {
      requests.push(...given);
      return given.map(() => answer);
    };
  const model: LanguageModel = {
    name: 'testkit',
    loglikelihood: noting({ logprob: -1, isGreedy: false }),
    loglikelihoodRolling: noting({ logprob: -1, tokens: 1 }),
    generateUntil: noting(''),
  };
  await evaluate({ tasks: [task], model, data: openDatasets({ data }), limit });
  return requests;
}

async function marks(tasks: readonly Task[], options: ConformanceOptions): Promise<void> {
  for (const task of tasks.filter((one) => one.output_type !== 'loglikelihood_rolling')) {
    const samples = await samplesOf(task, silent, options);
    const right = await scoresOf(task, answering(task, samples, true), options);
    const wrong = await scoresOf(task, answering(task, samples, false), options);
    const judged = Object.keys(right).filter((metric) => shares.test(metric));
    for (const metric of judged) {
      hold(
        right[metric]! > 0.999,
        `${task.task} gives right answers ${metric} ${right[metric]!.toFixed(3)} instead of 1: its target, its filters and its metric do not fit each other.`,
      );
      hold(
        wrong[metric]! < right[metric]!,
        `${task.task} gives wrong answers as much ${metric} as right ones.`,
      );
    }
  }
}

const silent: LanguageModel = {
  name: 'testkit',
  loglikelihood: async (asked) => asked.map(() => ({ logprob: -1, isGreedy: false })),
  loglikelihoodRolling: async (asked) => asked.map(() => ({ logprob: -1, tokens: 1 })),
  generateUntil: async (asked) => asked.map(() => ''),
};

async function samplesOf(
  task: Task,
  model: LanguageModel,
  { data }: ConformanceOptions,
): Promise<readonly Sample[]> {
  const { samples } = await evaluate({ tasks: [task], model, data: openDatasets({ data }), limit });
  return samples[task.task]!;
}

async function scoresOf(
  task: Task,
  model: LanguageModel,
  { data }: ConformanceOptions,
): Promise<Record<string, number>> {
  const { record } = await evaluate({ tasks: [task], model, data: openDatasets({ data }), limit });
  const entries = Object.entries(record.results[task.task]!);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

/** A model that knows all targets, and gives them, or anything else. */
function answering(task: Task, samples: readonly Sample[], isRight: boolean): LanguageModel {
  const likely = new Set<string>();
  const texts = new Map<string, string>();
  const key = (context: unknown, continuation: unknown) => JSON.stringify([context, continuation]);
  for (const { arguments: given, target } of samples) {
    const requests = Object.values(given);
    if (task.output_type === 'generate_until') texts.set(String(requests[0]!.arg_0), target);
    for (const [i, { arg_0, arg_1 }] of requests.entries()) {
      const isTarget = requests.length === 1 || String(i) === target || arg_0 === target;
      if (isTarget === isRight) likely.add(key(arg_0, arg_1));
    }
  }
  return {
    ...silent,
    loglikelihood: async (asked) =>
      asked.map(({ context, continuation }) =>
        likely.has(key(context, continuation))
          ? { logprob: -1e-3, isGreedy: true }
          : { logprob: -1e3, isGreedy: false },
      ),
    generateUntil: async (asked) =>
      asked.map(({ context }) => (isRight ? ` ${texts.get(context) ?? ''}` : ' This is not the answer.')),
  };
}
