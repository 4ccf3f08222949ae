import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openModel } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import { expect, it } from 'vitest';
import { ModelRunner } from '../runner.js';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What generate() of transformers makes of prompts; scripts/generation_rules.py writes it. */
interface Reference {
  readonly newTokens: number;
  readonly cases: readonly {
    readonly prompt: readonly number[];
    readonly settings: Readonly<Record<string, unknown>>;
    readonly expected: readonly number[];
  }[];
}

const { newTokens, cases }: Reference = JSON.parse(
  readFileSync(at('../../fixtures/generation-rules.json'), 'utf8'),
);

/** The cases that share their settings, which are those of one checkpoint. */
const bySettings = [...new Set(cases.map(({ settings }) => JSON.stringify(settings)))].map((key) =>
  cases.filter(({ settings }) => JSON.stringify(settings) === key),
);

/** A model whose checkpoint has these settings in its generation_config.json. */
function withSettings(model: Model, settings: Readonly<Record<string, unknown>>): Model {
  const { eos_token_id: eos = [] } = settings as { eos_token_id?: number | number[] };
  return {
    ...model,
    config: { ...model.config, eosTokenIds: [eos].flat() },
    source: { ...model.source, generation: settings },
  };
}

it('continues prompts as generate() does by the settings of generation_config.json', async () => {
  const model = await openModel(at('../../../checkpoint/fixtures/olmoe'));
  for (const together of bySettings) {
    const own = withSettings(model, together[0]!.settings);
    const runner = await ModelRunner.open(own, { workers: 1, threads: 1 });
    try {
      const { eosTokenIds } = own.config;
      const prompts = together.map(({ prompt }) => prompt);
      expect(await runner.generate(prompts, { maxNewTokens: newTokens, eosTokenIds })).toEqual(
        together.map(({ expected }) => expected),
      );
    } finally {
      await runner.dispose();
    }
  }
});

it('lets a chooser choose among what the rules leave, and refuses rules that are not implemented', async () => {
  const model = await openModel(at('../../../checkpoint/fixtures/olmoe'));
  const { prompt, expected } = cases[0]!;
  const options = { maxNewTokens: 1, eosTokenIds: [] };
  const runner = await ModelRunner.open(withSettings(model, { suppress_tokens: [expected[0]] }));
  try {
    const banned: number[] = [];
    const chooser = {
      wants: () => true,
      choose: ({ logits }: { logits: Float32Array }) => {
        banned.push(...[...logits.keys()].filter((id) => logits[id] === Number.NEGATIVE_INFINITY));
        return 5;
      },
    };
    expect(await runner.generate([prompt], { ...options, chooser })).toEqual([[5]]);
    expect(banned).toEqual([expected[0]]);
  } finally {
    await runner.dispose();
  }
  const other = await ModelRunner.open(withSettings(model, { num_beams: 2 }));
  try {
    await expect(other.generate([prompt], options)).rejects.toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
  } finally {
    await other.dispose();
  }
});
