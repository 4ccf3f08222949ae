import { availableParallelism } from 'node:os';
import { MoepressError, type Work } from '@moepress/core';
import type { ModelResponse } from '../model/language-model.js';
import { runConcurrently } from '../openai/concurrent.js';
import type { ModelRequest } from '../requests/request.js';
import { checkSandbox, runProgram } from '../sandbox/run-program.js';
import type { GenerationTask, Task } from '../tasks/task-schema.js';
import type { PreparedTask } from './prepare-task.js';

/** Seconds that an answer's tests may take. */
const patience = 10;

/** Whether the tests of each answer pass, by the request. */
export type Verdicts = ReadonlyMap<ModelRequest, boolean>;

/**
 * Throws `INPUT_INVALID` for tasks that run what the model writes, unless that is confirmed and the machine can run it
 * apart: before anything is asked.
 */
export async function checkUnsafeCode(
  tasks: readonly Task[],
  isConfirmed: boolean,
  { signal }: Work,
): Promise<void> {
  const unsafe = tasks.find(({ unsafe_code }) => unsafe_code);
  if (!unsafe) return;
  if (isConfirmed) return checkSandbox(signal);
  throw new MoepressError('INPUT_INVALID', {
    message: `${unsafe.task} runs programs that the model writes.`,
    where: 'confirmRunUnsafeCode',
    hint: 'Give `confirmRunUnsafeCode` to have them run apart from the network and your files, or leave out the task.',
  });
}

/** Runs the answers to tasks of programming, several at once. Throws the signal's reason. */
export async function runAnswers(
  tasks: readonly PreparedTask[],
  answers: ReadonlyMap<ModelRequest, ModelResponse>,
  { progress, signal }: Work,
): Promise<Verdicts> {
  const programs = tasks.flatMap(({ task, questions }) => {
    const { doc_to_program: template } = task as Partial<GenerationTask>;
    if (!template) return [];
    return questions.flatMap(({ document, requests }) => {
      const programOf = template.render(document.fields);
      return requests.map((request) => ({ request, program: programOf(answers.get(request) as string) }));
    });
  });
  const verdicts = new Map<ModelRequest, boolean>();
  if (programs.length === 0) return verdicts;
  const step = 'Running answers';
  progress?.({ type: 'start', task: step, total: programs.length, unit: 'programs' });
  await runConcurrently(programs, availableParallelism(), async ({ request, program }, failed) => {
    const stop = signal ? AbortSignal.any([signal, failed]) : failed;
    const { status } = await runProgram(program, { seconds: patience }, stop);
    verdicts.set(request, status === 0);
    progress?.({ type: 'advance', task: step, done: verdicts.size });
  });
  progress?.({ type: 'end', task: step });
  return verdicts;
}
