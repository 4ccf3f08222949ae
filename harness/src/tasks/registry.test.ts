import { expect, it } from 'vitest';
import { findTask, taskNames } from './registry.js';

it('finds every task it names, under its own name', () => {
  for (const name of taskNames()) expect(findTask(name).task).toBe(name);
});

it('suggests the task that was meant', () => {
  expect(() => findTask('arc_eazy')).toThrow(
    expect.objectContaining({ code: 'TASK_UNKNOWN', message: expect.stringContaining('"arc_easy"') }),
  );
});

it('lists the tasks for a name that is nothing like them', () => {
  expect(() => findTask('quux')).toThrow(
    expect.objectContaining({ code: 'TASK_UNKNOWN', mend: expect.stringContaining('gsm8k') }),
  );
});
