import { expect, test } from 'vitest';
import * as families from './list.js';
import { manifestProblem } from './manifest-schema.js';

test('our own manifests are as the schema says', () => {
  const wrong = Object.values(families).map((manifest) => [manifest.modelType, manifestProblem(manifest)]);
  expect(wrong.filter(([, problem]) => problem !== null)).toEqual([]);
});

const { mixtral } = families;

test.each<[unknown, string]>([
  [null, 'it is null: one of type object was wanted.'],
  [{ ...mixtral, className: undefined }, 'className is missing: a text was wanted.'],
  [
    { ...mixtral, className: 'Mixtral.For' },
    'className is "Mixtral.For": a name of letters, digits and "_" was wanted.',
  ],
  [{ ...mixtral, normOffsets: 1 }, 'it has a field "normOffsets" that there is not.'],
  [
    { ...mixtral, norms: 'around' },
    'norms is "around": "before" or "after" or "both" or "parallel" was wanted.',
  ],
  [
    { ...mixtral, attention: { ...mixtral.attention, kind: 'rwkv' } },
    'attention.kind is "rwkv": "gqa" or "mla" was wanted.',
  ],
  [
    { ...mixtral, attention: { ...mixtral.attention, window: 'never' } },
    'attention has a field "window" that there is not.',
  ],
  [{ ...mixtral, keys: { ...mixtral.keys, heads: undefined } }, 'keys.heads is missing'],
  [{ ...mixtral, keys: { ...mixtral.keys, experts: 'num_experts' } }, 'keys.experts is "num_experts"'],
  [{ ...mixtral, router: { ...mixtral.router, normalise: true } }, 'router.normalise is true: "always" or'],
  [{ ...mixtral, tensors: { ...mixtral.tensors, router: 7 } }, 'tensors.router is 7: a text was wanted.'],
  [
    { ...mixtral, tensors: { ...mixtral.tensors, experts: {} } },
    'tensors.experts is {}: another form was wanted.',
  ],
])('%# is refused with the field and what was wanted', (manifest, problem) => {
  expect(manifestProblem(manifest)).toContain(problem);
});
