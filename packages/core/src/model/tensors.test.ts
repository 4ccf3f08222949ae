import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPlan } from '../plan/apply.js';
import { learned, type StoredTensor, type TensorExpr } from '../tensor/expr.js';
import { toyModel } from '../testing/toy-model.js';
import { toyPlan } from '../testing/toy-plan.js';
import { tensorsByPath, withTensors } from './tensors.js';

const model = toyModel({ shared: 5, dense: [0] });

const like = ({ dtype, shape }: TensorExpr): TensorExpr => ({ kind: 'zeros', dtype, shape });

describe('the tensors of a model', () => {
  test('are found by where they stand', () => {
    const found = tensorsByPath(model);
    const { attention, ffn } = model.blocks[1]!;
    expect(found.get('embed')).toBe(model.embed);
    expect(found.get('head')).toBe(model.head);
    expect(found.get('blocks.1.attention.q.weight')).toBe(attention.kind === 'gqa' && attention.q.weight);
    expect(found.get('blocks.1.ffn.pool.2.up')).toBe(ffn.kind === 'moe' && ffn.pool[2]!.up);
    expect(found.get('blocks.0.norms.ffn')).toBe(model.blocks[0]!.norms.ffn);
  });

  test('of a tied head are those of the embedding', () => {
    const tied = { ...model, head: model.embed, config: { ...model.config, tiedEmbeddings: true } };
    expect(tensorsByPath(tied).has('head')).toBe(false);
    const view = withTensors(tied, new Map([['embed', like(model.embed)]]));
    expect(view.head).toBe(view.embed);
  });

  test('are replaced where one asks for it, and nowhere else', () => {
    const before = tensorsByPath(model);
    fc.assert(
      fc.property(fc.subarray([...before.keys()]), (paths) => {
        const view = withTensors(model, new Map(paths.map((path) => [path, like(before.get(path)!)])));
        for (const [path, tensor] of tensorsByPath(view)) {
          if (paths.includes(path)) expect(tensor.kind).toBe('zeros');
          else expect(tensor).toBe(before.get(path));
        }
        for (const [i, block] of view.blocks.entries()) {
          if (!paths.some((path) => path.startsWith(`blocks.${i}.`))) expect(block).toBe(model.blocks[i]);
        }
      }),
    );
  });

  test.each([
    ['no such tensor', 'blocks.9.norms.ffn', model.finalNorm],
    ['has the shape [8]', 'embed', model.finalNorm],
  ])('are refused with %s', (problem, path, tensor) => {
    const run = () => withTensors(model, new Map([[path, tensor]]));
    expect(run).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
    expect(run).toThrow(problem);
  });
});

describe('a plan with learned tensors', () => {
  const record = {
    file: 'learned.safetensors',
    sha256: 'c'.repeat(64),
    tensors: 1,
    refiner: { name: 'x', package: 'y', version: '1.0.0' },
    options: {},
    data: { source: 'text', sequences: 1, tokens: 8, hash: 'd'.repeat(64), seed: 0 },
  };
  const plan = { ...toyPlan(model, []), learned: record };
  const stored = model.finalNorm as StoredTensor;

  test('puts them in their places', () => {
    const view = applyPlan(model, plan, new Map([['finalNorm', stored]]));
    expect(view.finalNorm).toEqual(learned('finalNorm', stored));
  });

  test('cannot be applied without them', () => {
    expect(() => applyPlan(model, plan)).toThrow('1 learned tensors');
  });
});
