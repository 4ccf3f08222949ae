import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  arrayEntry,
  exprEntry,
  openModel,
  readSafetensors,
  type TensorEntry,
  writeSafetensors,
} from '@moepress/checkpoint';
import { describe, expect, it } from 'vitest';
import { ModelRunner } from './runner.js';
import { denseFixtures, maxDifference } from './testing/golden.js';
import { inTemporaryFolder } from './testing/temporary.js';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../checkpoint/fixtures/${name}`, import.meta.url));

async function logitsOf(folder: string, ids: readonly number[]): Promise<Float32Array> {
  const runner = await ModelRunner.open(await openModel(folder));
  try {
    const [trace] = await runner.trace([ids]);
    return trace!.logits.data as Float32Array;
  } finally {
    await runner.dispose();
  }
}

type Config = Record<string, unknown>;

function editConfig(folder: string, change: (config: Config) => void): void {
  const file = join(folder, 'config.json');
  const config: Config = JSON.parse(readFileSync(file, 'utf8'));
  change(config);
  writeFileSync(file, JSON.stringify(config));
}

async function editWeights(
  folder: string,
  change: (entries: TensorEntry[]) => Record<string, TensorEntry[]>,
): Promise<void> {
  const { tensors } = await readSafetensors(join(folder, 'model.safetensors'));
  const entries = [...tensors.values()].map((tensor) => exprEntry(tensor.name, tensor));
  const files = Object.entries(change(entries));
  // Written beside it first: the tensors are read from the file itself.
  for (const [name, own] of files) await writeSafetensors(join(folder, `new-${name}`), own);
  for (const [name] of files) cpSync(join(folder, `new-${name}`), join(folder, name));
}

const shards = ['a.safetensors', 'b.safetensors'] as const;

/** Halves of a checkpoint, and an index that says of them what it likes. */
async function shard(folder: string, index: (names: string[], half: number) => Record<string, string>) {
  let map = {};
  await editWeights(folder, (entries) => {
    const half = entries.length / 2;
    map = index(
      entries.map(({ name }) => name),
      half,
    );
    return { [shards[0]]: entries.slice(0, half), [shards[1]]: entries.slice(half) };
  });
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  rmSync(join(folder, 'model.safetensors'));
}

const rightMap = (names: string[], half: number) =>
  Object.fromEntries(names.map((name, i) => [name, shards[i < half ? 0 : 1]]));

/** What people's folders are like, with the family whose reference logits still hold. */
const folders: readonly {
  readonly what: string;
  readonly base: 'llama' | 'mistral';
  readonly make: (folder: string) => Promise<void> | void;
}[] = [
  {
    what: 'an index that lists a tensor which is nowhere',
    base: 'mistral',
    make: (folder) =>
      shard(folder, (names, half) => ({
        ...rightMap(names, half),
        'model.layers.2.eh_proj.weight': shards[1],
      })),
  },
  {
    what: 'an index that leaves tensors out',
    base: 'mistral',
    make: (folder) => shard(folder, (names, half) => rightMap(names.toSpliced(3, 1).toSpliced(-1), half)),
  },
  {
    what: 'an index that names the other shard',
    base: 'mistral',
    make: (folder) =>
      shard(folder, (names, half) =>
        Object.fromEntries(names.map((name, i) => [name, shards[i < half ? 1 : 0]])),
      ),
  },
  {
    what: 'a flag that ties what differs',
    base: 'mistral',
    make: (folder) =>
      editConfig(folder, (config) => {
        config.tie_word_embeddings = true;
      }),
  },
  {
    what: 'the shared tensor stored as the head',
    base: 'llama',
    make: (folder) =>
      editWeights(folder, (entries) => ({
        'model.safetensors': entries.map((entry) =>
          entry.name === 'model.embed_tokens.weight' ? { ...entry, name: 'lm_head.weight' } : entry,
        ),
      })),
  },
  {
    what: 'the shared tensor stored twice',
    base: 'llama',
    make: (folder) =>
      editWeights(folder, (entries) => {
        const shared = entries.find(({ name }) => name === 'model.embed_tokens.weight')!;
        return { 'model.safetensors': [...entries, { ...shared, name: 'lm_head.weight' }] };
      }),
  },
  {
    what: 'tensors of types and names that nobody reads',
    base: 'mistral',
    make: (folder) =>
      editWeights(folder, (entries) => ({
        'model.safetensors': [
          ...entries,
          arrayEntry('model.layers.0.self_attn.q_proj.bias', 'F32', [2], new Float32Array(2)),
          arrayEntry('model.layers.0.mlp.scales', 'F8_E8M0', [3], new Uint8Array(3)),
        ],
      })),
  },
  {
    what: 'the class name of a wrapper',
    base: 'mistral',
    make: (folder) =>
      editConfig(folder, (config) => {
        config.architectures = ['FSDPMistralForCausalLM'];
      }),
  },
  {
    what: 'another spelling of the type, and no BOS',
    base: 'llama',
    make: (folder) =>
      editConfig(folder, (config) => {
        config.dtype = 'torch.bfloat16';
        config.bos_token_id = -1;
        config.eos_token_id = -1;
      }),
  },
  {
    what: "Python's words for what JSON lacks",
    base: 'llama',
    make(folder) {
      const file = join(folder, 'config.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('{', '{"limits": [0.0, Infinity, NaN],'));
    },
  },
];

describe('a folder with', () => {
  it.each(folders)('$what computes what transformers computes', async ({ base, make }) => {
    const golden = await denseFixtures.find(({ name }) => name.startsWith(base))!.load();
    await inTemporaryFolder(async (folder) => {
      cpSync(golden.model, folder, { recursive: true });
      await make(folder);
      const ids = golden.sequences[0]!;
      const expected = await golden.floats('s0.logits');
      expect(maxDifference(await logitsOf(folder, ids), expected!)).toBeLessThan(2e-4);
    });
  });

  const adapters = [
    'plain',
    'rank-stabilised',
    'patterns',
    'fan-in-fan-out',
    'saved-modules',
    'embedding',
    'biases',
  ];
  it.each(adapters)('an adapter computes what PEFT computes: %s', async (name) => {
    const golden = JSON.parse(readFileSync(`${fixture(`adapters/${name}`)}/golden.json`, 'utf8'));
    await inTemporaryFolder(async (folder) => {
      cpSync(fixture(golden.base), folder, { recursive: true });
      for (const file of ['adapter_config.json', 'adapter_model.safetensors']) {
        cpSync(join(fixture(`adapters/${name}`), file), join(folder, file));
      }
      const logits = await logitsOf(folder, golden.ids);
      expect(maxDifference(logits.slice(-golden.logits.length), golden.logits)).toBeLessThan(2e-4);
    });
  });
});
