import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFloat32, findArchitecture, openModel, readSafetensors } from '@moepress/checkpoint';
import {
  applyPlan,
  type Expert,
  type Model,
  measure,
  mlpTensors,
  moeBlocks,
  scale,
  type TensorExpr,
  tensorsByPath,
  withTensors,
} from '@moepress/core';
import { describe, expect, it } from 'vitest';
import {
  failure,
  families,
  fingerprint,
  openFixture,
  planFor,
  raggedPlan,
  temporaryFolder,
} from '../support.test.util.js';
import { type ExpertLayout, expertLayouts } from './layout.js';
import { writeHuggingFace } from './write.js';

const experts = (model: Model) => moeBlocks(model).flatMap(({ ffn }) => ffn.pool);
const widthsOf = (model: Model) => experts(model).map(({ width }) => width);

async function written(view: Model, layout: ExpertLayout): Promise<string> {
  return (await writeHuggingFace(view, join(await temporaryFolder(), layout), { layout })).directory;
}

async function raggedView(name: string) {
  const base = await openFixture(name);
  return { base, view: applyPlan(base, raggedPlan(base)) };
}

/** The rows of an expert's channels: of gate, up, down's columns and biases, as text. */
async function channels({ gate, up, down, bias, width }: Expert): Promise<string[]> {
  const values = (of: TensorExpr) => decodeFloat32(of);
  const [g, u, d] = [await values(gate!), await values(up), await values(down)];
  const biases = bias && [await values(bias.gate!), await values(bias.up)];
  const hidden = down.shape[0]!;
  return Array.from({ length: width }, (_, j) =>
    [
      g.subarray(j * hidden, (j + 1) * hidden),
      u.subarray(j * hidden, (j + 1) * hidden),
      Array.from({ length: hidden }, (_, row) => d[row * width + j]),
      biases?.map((of) => of[j]) ?? [],
    ].join(' '),
  );
}

const isZero = (channel: string) => /^[0 ,]*$/.test(channel);

describe.each(families)('experts of different widths of %s', (name) => {
  it('come back from the compact layout as they were', async () => {
    const { view } = await raggedView(name);
    expect(new Set(widthsOf(view)).size).toBe(5);
    const again = await openModel(await written(view, 'compact'));
    expect(widthsOf(again)).toEqual(widthsOf(view));
    expect(await fingerprint(again)).toBe(await fingerprint(view));
    expect(experts(again).map(({ origin }) => origin)).toEqual(experts(view).map(({ origin }) => origin));
    expect(measure(again).total.parameters).toBe(measure(view).total.parameters);
  });

  it('are padded with zeros behind their own channels when materialised', async () => {
    const { base, view } = await raggedView(name);
    const directory = await written(view, 'materialised');
    const { quantization_config, ...config } = base.source.config;
    expect(JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'))).toEqual(config);
    const again = experts(await openModel(directory));
    for (const [e, expert] of experts(view).entries()) {
      const own = await channels(expert);
      const padded = await channels(again[e]!);
      expect(padded.slice(0, own.length)).toEqual(own);
      expect(padded.slice(own.length).every(isZero)).toBe(true);
    }
  });

  it('have zeros in the places of what they lost when masked', async () => {
    const { base, view } = await raggedView(name);
    const again = experts(await openModel(await written(view, 'masked')));
    for (const [e, expert] of experts(view).entries()) {
      const { width, down } = experts(base)[e]!;
      expect(expert.kept?.of ?? expert.width).toBe(width);
      const places = expert.kept?.channels ?? [...Array(width).keys()];
      const [own, masked] = [await channels(expert), await channels(again[e]!)];
      expect(masked).toHaveLength(width);
      expect(places.map((place) => masked[place])).toEqual(own);
      const others = masked.filter((_, place) => !places.includes(place));
      expect(others.every(isZero)).toBe(true);
      expect(again[e]!.down.shape).toEqual(down.shape);
    }
  });
});

it('channels whose weights were replaced are masked in their places too', async () => {
  const { base, view } = await raggedView('olmoe');
  const path = 'blocks.0.ffn.pool.1.down';
  const changed = withTensors(view, new Map([[path, scale(tensorsByPath(view).get(path)!, 2)]]));
  const [expert, again] = [
    experts(changed)[1]!,
    experts(await openModel(await written(changed, 'masked')))[1]!,
  ];
  const [own, masked] = [await channels(expert), await channels(again)];
  expect(expert.width).toBeLessThan(again.width);
  expect(again.width).toBe(experts(base)[1]!.width);
  expect(expert.kept!.channels.map((place) => masked[place])).toEqual(own);
});

describe('the compact layout of experts of different widths', () => {
  it('is written again from itself, but cannot be masked', async () => {
    const { view } = await raggedView('gpt_oss');
    const compact = await openModel(await written(view, 'compact'));
    for (const layout of ['compact', 'materialised'] as const) {
      const again = await openModel(await written(compact, layout));
      const direct = await openModel(await written(view, layout));
      expect(await fingerprint(again)).toBe(await fingerprint(direct));
    }
    const error = await failure(written(compact, 'masked'));
    expect(error).toMatchObject({ code: 'CONFIG_UNSUPPORTED', hint: expect.stringContaining('base model') });
  });

  it('stores nothing for an expert without channels but the bias of its output', async () => {
    const names = async (name: string) => {
      const { view } = await raggedView(name);
      const { tensors } = await readSafetensors(join(await written(view, 'compact'), 'model.safetensors'));
      // Expert 0 of layer 0 has none.
      return [...tensors.keys()].filter((tensor) => tensor.startsWith('model.layers.0.mlp.experts.0.'));
    };
    expect(await names('olmoe')).toEqual([]);
    expect(await names('gpt_oss')).toEqual(['model.layers.0.mlp.experts.0.down_proj.bias']);
  });

  it('may also share experts among slots', async () => {
    const base = await openFixture('qwen2_moe');
    const narrow = raggedPlan(base);
    const remap = planFor(base, (layer, count) => ({
      op: 'remap-slots',
      slots: Array.from({ length: count }, (_, slot): [number, number] => [layer, slot % 3]),
    }));
    const layers = remap.layers.map(({ layer, ops }, i) => {
      const [op] = narrow.layers[i]!.ops;
      if (op?.op !== 'keep-channels') throw new Error('no masks');
      return { layer, ops: [...ops, { ...op, channels: op.channels.slice(0, 3) }] };
    });
    const view = applyPlan(base, { ...remap, layers });
    const again = await openModel(await written(view, 'compact'));
    expect(moeBlocks(again).map(({ ffn }) => ffn.pool.length)).toEqual(moeBlocks(view).map(() => 3));
    expect(await fingerprint(again)).toBe(await fingerprint(view));
  });
});

describe('the less-is-moe layout', () => {
  it.each(['olmoe', 'qwen2_moe', 'gpt_oss', 'gpt_oss_mxfp4'])(
    'of %s has the experts of a layer one after the other',
    async (name) => {
      const { base, view } = await raggedView(name);
      const directory = await written(view, 'less-is-moe');
      const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'));
      const { keys, className } = findArchitecture(base.architecture, name);
      const key = keys.expertWidth!.names[0];
      expect(config).toMatchObject({
        model_type: base.architecture,
        architectures: [`Ragged${className}`],
        [key]: base.source.config[key],
      });
      expect(config).not.toHaveProperty('quantization_config');
      const { tensors } = await readSafetensors(join(directory, 'model.safetensors'));
      for (const { index, ffn } of moeBlocks(view)) {
        const widths = ffn.pool.map(({ width }) => width);
        expect(config.less_is_moe.expert_intermediate_sizes[index]).toEqual(widths);
        const stem = `model.layers.${index}.mlp.experts`;
        const flat = async (tensor: string) => [...(await decodeFloat32(tensors.get(`${stem}.${tensor}`)!))];
        const parts = await Promise.all(
          ffn.pool.map((expert) => Promise.all(mlpTensors(expert).map(decodeFloat32))),
        );
        const all = (...which: number[]) =>
          parts.flatMap((tensor) => which.flatMap((part) => [...tensor[part]!]));
        expect(tensors.get(`${stem}.gate_up_proj`)!.shape).toHaveLength(1);
        expect(await flat('gate_up_proj')).toEqual(all(0, 1));
        expect(await flat('down_proj')).toEqual(all(2));
        if (base.architecture !== 'gpt_oss') continue;
        expect(await flat('gate_up_proj_bias')).toEqual(all(3, 4));
        expect(await flat('down_proj_bias')).toEqual(all(5));
        expect(tensors.get(`${stem}.down_proj_bias`)!.shape).toEqual([ffn.pool.length, 64]);
      }
      const version = base.architecture === 'gpt_oss' ? 2 : 1;
      expect(config.less_is_moe).toMatchObject({
        format_version: version,
        weight_layout: `flat_gate_up_down_v${version}`,
        ...(version === 2 && { expert_options: { activation: 'swigluoai', bias: true } }),
      });
    },
  );

  it.each([
    ['mixtral', 'no class for mixtral'],
    ['qwen3_moe_sharded', 'experts in every layer'],
  ])('does not take %s', async (name, problem) => {
    const { view } = await raggedView(name);
    const error = await failure(written(view, 'less-is-moe'));
    expect(error).toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
    expect(error.message).toContain(problem);
  });
});

it('makes one checkpoint of a model that needs none of this, in every stock layout', async () => {
  const base = await openFixture('qwen2_moe');
  for (const layout of expertLayouts.filter((of) => of !== 'less-is-moe')) {
    const again = await openModel(await written(base, layout));
    expect(again.headerHash).toBe((await openModel(await written(base, 'compact'))).headerHash);
    expect(again.source.config).toEqual(base.source.config);
  }
});
