import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openTokenizer } from '@moepress/checkpoint';
import {
  column,
  computed,
  type Datasets,
  defineTask,
  evaluate,
  type LanguageModel,
  type Row,
  type Task,
  template,
  tokenizedLanguageModel,
} from '@moepress/harness';
import { sharedDatasets } from '@moepress/reference';
import { tinyModel } from '@moepress/tiny';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ChatSettings, withPrompts } from './chat-settings.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-chat-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Asking {
  readonly tasks: readonly (string | Task)[];
  readonly shots: number;
  readonly limit?: number;
  readonly settings: ChatSettings;
  readonly data: Datasets;
}

/** What a model is asked: texts, each with what follows it, and ids with the place where the continuation begins. */
interface Asked {
  readonly texts: string[];
  readonly ids: string[];
}

const textKey = (context: string, continuation = ''): string => JSON.stringify([context, continuation]);
const idsKey = (ids: readonly number[], from = ids.length): string => JSON.stringify([ids, from]);
const sorted = (keys: readonly string[]): string[] => [...new Set(keys)].sort();

async function askedOf({ tasks, shots, limit, settings, data }: Asking): Promise<Asked> {
  const asked: Asked = { texts: [], ids: [] };
  const model = tokenizedLanguageModel({
    tokenizer: await openTokenizer(folder),
    name: 'listening',
    engine: {
      maxLength: 2 ** 17,
      async score(items) {
        asked.ids.push(...items.map(({ ids, from }) => idsKey(ids, from)));
        return items.map(() => ({ logprob: -1, isGreedy: false }));
      },
      async generate(prompts) {
        asked.ids.push(...prompts.map((ids) => idsKey(ids)));
        return prompts.map(() => []);
      },
    },
  });
  const listening: LanguageModel = {
    ...model,
    loglikelihood(requests, work) {
      asked.texts.push(...requests.map(({ context, continuation }) => textKey(context, continuation)));
      return model.loglikelihood(requests, work);
    },
    generateUntil(requests, work) {
      asked.texts.push(...requests.map(({ context }) => textKey(context)));
      return model.generateUntil(requests, work);
    },
  };
  await withPrompts(folder, settings, (prompts) =>
    evaluate({ tasks, model: listening, data, numFewshot: shots, limit, ...prompts }),
  );
  return { texts: sorted(asked.texts), ids: sorted(asked.ids) };
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

interface Setting {
  readonly shots: number;
  /** null: without a chat template. */
  readonly multi: boolean | null;
  readonly system: string | null;
  readonly template_args: Readonly<Record<string, unknown>>;
}

const settingsOf = ({ multi, system, template_args }: Setting): ChatSettings => ({
  ...(system !== null && { systemInstruction: system }),
  ...(multi !== null && {
    applyChatTemplate: true,
    fewshotAsMultiturn: multi,
    chatTemplateArgs: template_args,
  }),
});

const text = z.string();
const row = z.object({
  question: text,
  choices: z.array(text),
  gold: z.int(),
  answer: text,
  before: z.array(text),
  after: text,
});
type Doc = z.output<typeof row>;

const asked = {
  dataset_path: 'invented',
  training_split: 'train',
  fewshot_split: 'train',
  test_split: 'test',
  row,
  doc_to_text: template('Question: {{question}}\nAnswer:'),
  metadata: { version: 1 },
} as const;

const choices = {
  ...asked,
  output_type: 'multiple_choice' as const,
  doc_to_target: column<'gold', number>('gold'),
  doc_to_choice: column<'choices', readonly string[]>('choices'),
  metric_list: [{ metric: 'acc' as const }],
};

const generation = {
  ...asked,
  output_type: 'generate_until' as const,
  doc_to_target: template('{{answer}}'),
  generation_kwargs: { until: ['\n'], do_sample: false as const },
  filter_list: [{ name: 'none', filter: [{ function: 'take_first' as const }] }],
  metric_list: [
    {
      metric: 'exact_match' as const,
      aggregation: 'mean' as const,
      higher_is_better: true as const,
      ignore_case: true,
      ignore_punctuation: false as const,
      regexes_to_ignore: [],
    },
  ],
};

/** The tasks of scripts/chat-prompts.py. */
const tasks = {
  choices: defineTask({ ...choices, task: 'choices', description: 'Colours of animals.\n\n' }),
  begun_choices: defineTask({ ...choices, task: 'begun_choices', gen_prefix: template('It is') }),
  spaced_choices: defineTask({
    ...choices,
    task: 'spaced_choices',
    gen_prefix: template('It is '),
    target_delimiter: '-',
  }),
  contexts: defineTask({
    ...choices,
    task: 'contexts',
    doc_to_text: column<'before', readonly string[]>('before'),
    doc_to_choice: computed('after', ({ after }: Doc) => [after, after]),
    doc_to_target: computed('gold', ({ gold }: Doc) => gold),
  }),
  generation: defineTask({ ...generation, task: 'generation' }),
  begun_generation: defineTask({
    ...generation,
    task: 'begun_generation',
    gen_prefix: template('{{question}} '),
    description: 'Be short.',
  }),
};

describe('prompts of conversations', () => {
  const file = new URL('../../fixtures/chat-prompts.json', import.meta.url);
  const fixture = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly template: string;
    readonly post_processor: object;
    readonly splits: Readonly<Record<string, readonly Row[]>>;
    readonly cases: readonly (Setting & {
      readonly task: keyof typeof tasks;
      readonly requests: readonly {
        readonly context: string;
        readonly continuation?: string;
        readonly ids: readonly number[];
        readonly from?: number;
      }[];
    })[];
  };

  it("are lm-evaluation-harness' own, id for id, with instructions, examples and begun answers", async () => {
    const tokenizer = JSON.parse(readFileSync(join(tinyModel.directory, 'tokenizer.json'), 'utf8'));
    tokenizer.post_processor = fixture.post_processor;
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
    const end = '<|endoftext|>';
    const config = { tokenizer_class: 'PreTrainedTokenizerFast', bos_token: end, eos_token: end };
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'chat_template.jinja'), fixture.template);
    const data: Datasets = {
      rows: async (_, split) => ({ rows: fixture.splits[split]!, where: split }),
    };
    const settings = grouped(fixture.cases, ({ task: _, requests: __, ...setting }) =>
      JSON.stringify(setting),
    );
    expect(settings.size).toBe(5);
    for (const [name, cases] of settings) {
      const asked = await askedOf({
        tasks: cases.map(({ task }) => tasks[task]),
        shots: cases[0]!.shots,
        settings: settingsOf(cases[0]!),
        data,
      });
      const requests = cases.flatMap((one) => one.requests);
      expect({ name, ...asked }).toEqual({
        name,
        texts: sorted(requests.map(({ context, continuation }) => textKey(context, continuation))),
        ids: sorted(requests.map(({ ids, from }) => idsKey(ids, from))),
      });
    }
  });
});

const shared = process.env.MOEPRESS_SHARED;

describe.runIf(shared)("prompts of lm-evaluation-harness' chats", () => {
  interface Line extends Setting {
    readonly setting: number;
    readonly task: string;
    readonly context: string;
    readonly continuation?: string;
    readonly context_ids: readonly number[];
    readonly continuation_ids?: readonly number[];
  }

  // Neither run had a config.json, without which transformers gives DeepSeek-V3 a class of tokenizer that has no spaces.
  it.each(['qwen3', 'deepseek_v3'])('are those of %s', async (name) => {
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
      const packed = readFileSync(join(shared!, `data/tokenizers/${name}.${file}.gz`));
      writeFileSync(join(folder, file), gunzipSync(packed));
    }
    const data = sharedDatasets();
    const lines = readFileSync(join(shared!, `golden/chat/${name}.jsonl`), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const settings = grouped(lines, ({ setting }) => String(setting));
    expect(settings.size).toBeGreaterThan(5);
    for (const [number, ofSetting] of settings) {
      const { task, shots } = ofSetting[0]!;
      const asking = { tasks: [task], shots, limit: 4, settings: settingsOf(ofSetting[0]!), data };
      const asked = await askedOf(asking);
      const texts = ofSetting.map(({ context, continuation }) => textKey(context, continuation));
      const ids = ofSetting.map(({ context_ids, continuation_ids = [] }) =>
        idsKey([...context_ids, ...continuation_ids], context_ids.length),
      );
      expect({ number, texts: asked.texts }).toEqual({ number, texts: sorted(texts) });
      expect({ number, ids: asked.ids }).toEqual({ number, ids: sorted(ids) });
    }
  });
});
