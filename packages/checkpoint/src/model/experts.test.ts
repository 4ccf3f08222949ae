import { type Expert, moeBlocks, rows, scale } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { findArchitecture } from '../architectures/index.js';
import { fixture } from '../support.test.util.js';
import { nameExperts } from './experts.js';
import { openModel } from './open.js';

const { experts: names } = findArchitecture('gpt_oss', 'gpt_oss').tensors;

/** Every other expert of a layer. */
async function expertsOf(name: string): Promise<readonly Expert[]> {
  return moeBlocks(await openModel(fixture(name)))[1]!.ffn.pool.filter((_, index) => index % 2 === 1);
}

/** The stacks by the last part of their names. */
function stacks(experts: readonly Expert[]) {
  const named = nameExperts(experts, names, 1).map((tensor) => {
    if (tensor.kind !== 'stack') throw new Error(`${tensor.name} is no stack.`);
    return [tensor.name.replace('model.layers.1.mlp.experts.', ''), tensor] as const;
  });
  return Object.fromEntries(named);
}

describe('experts of gpt-oss', () => {
  it('are four stacks, the weights transposed and the biases not', async () => {
    const named = stacks(await expertsOf('gpt_oss'));
    expect(Object.entries(named).map(([name, { transposed }]) => [name, transposed])).toEqual([
      ['gate_up_proj', true],
      ['down_proj', true],
      ['gate_up_proj_bias', false],
      ['down_proj_bias', false],
    ]);
  });

  it('give back the tensors they were taken from, without a row being copied', async () => {
    const { gate_up_proj, down_proj, gate_up_proj_bias } = stacks(await expertsOf('gpt_oss'));
    for (const { of } of [gate_up_proj!, down_proj!]) {
      expect(of.map((part) => part.kind === 'transpose' && part.of.kind)).toEqual(of.map(() => 'stored'));
    }
    expect(new Set(gate_up_proj_bias!.of.map(({ kind }) => kind))).toEqual(new Set(['stored']));
  });

  it('of which channels are gone keep gate and up in turn', async () => {
    const [expert] = await expertsOf('gpt_oss');
    const [gate, up] = [rows(expert!.gate!, [0, 3]), rows(expert!.up, [0, 3])];
    const { gate_up_proj } = stacks([{ ...expert!, gate, up }]);
    expect(gate_up_proj!.of[0]).toMatchObject({ kind: 'rows', indices: [0, 1, 6, 7] });
  });

  it('whose gate and up come from different tensors are woven together', async () => {
    const [expert] = await expertsOf('gpt_oss');
    const { gate_up_proj } = stacks([{ ...expert!, gate: scale(expert!.gate!, 2) }]);
    const height = expert!.gate!.shape[0]!;
    expect(gate_up_proj!.of[0]).toMatchObject({ kind: 'rows', of: { kind: 'concat' } });
    expect(gate_up_proj!.of[0]).toHaveProperty('indices.1', height);
    expect(gate_up_proj!.of[0]).toHaveProperty('indices.2', 1);
  });

  it('are none where a layer uses those of others only', () => {
    expect(nameExperts([], names, 1)).toEqual([]);
  });
});
