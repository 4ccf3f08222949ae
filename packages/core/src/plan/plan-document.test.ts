import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toyModel } from '../testing/toy-model.js';
import { toyPlan } from '../testing/toy-plan.js';
import { canonicalJson, parsePlan, planHash } from './plan-document.js';

const plan = toyPlan(toyModel({ layers: 2, experts: 2, topK: 1 }), [
  { layer: 0, ops: [{ op: 'keep-experts', experts: [1] }] },
  {
    layer: 1,
    ops: [
      {
        op: 'remap-slots',
        slots: [
          [1, 0],
          [0, 1],
        ],
      },
    ],
  },
]);

const deep = '['.repeat(1e5) + ']'.repeat(1e5);

/** The plan with one change, as a file would hold it. */
const changed = (change: object) => JSON.stringify({ ...plan, ...change });

describe('parsePlan', () => {
  test('reads back what was written', () => {
    expect(parsePlan(JSON.stringify(plan), 'plan.json')).toEqual(plan);
  });

  test.each([
    ['text that is no JSON', '{', /Not JSON/],
    ['JSON that is no object', '[]', /the document/],
    ['another format', changed({ format: 'gguf' }), /^format: /],
    ['a version of the future', changed({ version: 2 }), /^version: this moepress reads/],
    ['nesting without end', changed({ details: { x: 0 } }).replace('"x":0', `"x":${deep}`), /64 levels/],
    ['a field nobody knows', changed({ extra: 1 }), /extra/],
    [
      'an unknown operation',
      changed({ layers: [{ layer: 0, ops: [{ op: 'merge' }] }] }),
      /^layers\.0\.ops\.0/,
    ],
    ['a negative layer', changed({ layers: [{ layer: -1, ops: [] }] }), /^layers\.0/],
    [
      'half an expert',
      changed({ layers: [{ layer: 0, ops: [{ op: 'keep-experts', experts: [0.5] }] }] }),
      /^layers\.0\.ops\.0\.experts\.0/,
    ],
    [
      'a million experts that are none',
      changed({ layers: [{ layer: 0, ops: [{ op: 'keep-experts', experts: Array(1e6).fill('x') }] }] }),
      /^layers\.0\.ops\.0\.experts\.0/,
    ],
    [
      'a layer with more operations than there are',
      changed({ layers: [{ layer: 0, ops: Array(17).fill({ op: 'keep-experts', experts: [0] }) }] }),
      /^layers\.0\.ops/,
    ],
    ['a hash that is none', changed({ base: { ...plan.base, headers: 'abc' } }), /^base\.headers: .*SHA-256/],
  ])('refuses %s and names the field', (_, json, message) => {
    const parse = () => parsePlan(json, 'plan.json');
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: 'PLAN_INVALID', where: 'plan.json' }));
  });
});

describe('planHash', () => {
  test('does not depend on the order of keys', () => {
    const backwards = Object.fromEntries(Object.entries(plan).reverse()) as typeof plan;
    expect(JSON.stringify(backwards)).not.toBe(JSON.stringify(plan));
    expect(planHash(backwards)).toBe(planHash(plan));
  });

  test('depends on every value', () => {
    const other = { ...plan, options: { ...plan.options, seed: 1 } };
    expect(planHash(other)).not.toBe(planHash(plan));
  });

  test('canonical JSON means the same as the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
