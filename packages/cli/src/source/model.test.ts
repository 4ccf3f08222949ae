import type { Model } from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import { expect, test } from 'vitest';
import { warnOfOtherBase } from './model.js';

const hub: Model = { ...toyModel(), id: 'lab/model', revision: 'abc' };

function warnings(made: Partial<Model>, given: Partial<Model>): string[] {
  const messages: string[] = [];
  warnOfOtherBase(
    toyPlan({ ...hub, ...made }, []),
    { ...hub, ...given },
    {
      progress: (event) => event.type === 'warning' && messages.push(event.message),
    },
  );
  return messages;
}

test.each([
  ['the same revision', {}, {}],
  ['the same folder by another path', { id: '/toy/', revision: null }, { id: 'toy', revision: null }],
])('a plan for %s is applied in silence', (_, made, given) => expect(warnings(made, given)).toEqual([]));

test.each([
  ['another revision', {}, { revision: 'def' }, 'made from lab/model @ abc, this is lab/model @ def'],
  ['another model of the same shapes', {}, { id: 'lab/tuned' }, 'this is lab/tuned @ abc'],
  ['a folder that may be a copy', {}, { id: './copy', revision: null }, 'this is ./copy.'],
])('a plan for %s is applied with a warning', (_, made, given, text) => {
  expect(warnings(made, given)).toEqual([expect.stringContaining(text)]);
});
