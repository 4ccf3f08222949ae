import { expect, it } from 'vitest';
import { findTask, findTaskOrGroup, taskNames } from './registry.js';
import { groupsWithin, leaves, memberName } from './task-group.js';

it('finds everything it names, under its own name', () => {
  for (const name of taskNames()) expect(memberName(findTaskOrGroup(name))).toBe(name);
});

it('finds the groups and subjects of MMLU', () => {
  expect(leaves(findTaskOrGroup('mmlu'))).toHaveLength(57);
  expect(groupsWithin(findTaskOrGroup('mmlu')).map(({ group }) => group)).toEqual([
    'mmlu_stem',
    'mmlu_other',
    'mmlu_social_sciences',
    'mmlu_humanities',
    'mmlu',
  ]);
  expect(leaves(findTaskOrGroup('mmlu_other'))).toHaveLength(13);
  expect(findTask('mmlu_anatomy').dataset_name).toBe('anatomy');
  expect(taskNames()).not.toContain('mmlu_anatomy');
});

it('refuses a group where one task is wanted', () => {
  expect(() => findTask('mmlu_stem')).toThrow(
    expect.objectContaining({ code: 'TASK_UNKNOWN', hint: expect.stringContaining('mmlu_anatomy') }),
  );
});

it('suggests the task that was meant', () => {
  expect(() => findTask('arc_eazy')).toThrow(
    expect.objectContaining({ code: 'TASK_UNKNOWN', message: expect.stringContaining('"arc_easy"') }),
  );
});

it('lists the tasks for a name that is nothing like them', () => {
  expect(() => findTask('quux')).toThrow(
    expect.objectContaining({ code: 'TASK_UNKNOWN', hint: expect.stringContaining('gsm8k') }),
  );
});
