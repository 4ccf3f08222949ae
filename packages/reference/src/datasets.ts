import { jsonLines } from './files.js';
import {
  boolqRows,
  glueRteRows,
  hellaswagRows,
  labelledRows,
  letteredRows,
  mmluRows,
  type Row,
  superGlueRteRows,
  wikitextPages,
  winograndeRows,
} from './rows.js';

export type { Row } from './rows.js';

const arc = (part: string, split: string) => letteredRows(`arc/ARC-${part}-${split}.jsonl.gz`, 'question');

/** Splits by dataset, configuration and name. */
const loaders: Readonly<Record<string, () => Row[]>> = {
  'allenai/ai2_arc/ARC-Easy/test': () => arc('Easy', 'Test'),
  'allenai/ai2_arc/ARC-Easy/train': () => arc('Easy', 'Train'),
  'allenai/ai2_arc/ARC-Challenge/test': () => arc('Challenge', 'Test'),
  'allenai/ai2_arc/ARC-Challenge/train': () => arc('Challenge', 'Train'),
  'aps/super_glue/boolq/validation': () => boolqRows('boolq/val.jsonl.gz'),
  'Rowan/hellaswag/default/validation': () => hellaswagRows('hellaswag/hellaswag_val_sample1000.jsonl.gz'),
  'allenai/openbookqa/main/test': () => letteredRows('openbookqa/test.jsonl.gz', 'question_stem'),
  'allenai/openbookqa/main/train': () => letteredRows('openbookqa/train.jsonl.gz', 'question_stem'),
  'baber/piqa/default/validation': () =>
    labelledRows('piqa/valid.jsonl.gz', 'piqa/valid-labels.lst.gz', Number),
  'allenai/winogrande/winogrande_xl/validation': () => winograndeRows('winogrande/dev.jsonl.gz'),
  'nyu-mll/glue/rte/validation': () => glueRteRows('rte/glue_dev.tsv.gz'),
  'nyu-mll/glue/rte/train': () => glueRteRows('rte/glue_train.tsv.gz'),
  'aps/super_glue/rte/validation': () => superGlueRteRows('rte/superglue_val.jsonl.gz'),
  'lighteval/siqa/default/validation': () =>
    labelledRows('siqa/dev.jsonl.gz', 'siqa/dev-labels.lst.gz', String),
  'openai/gsm8k/main/test': () => jsonLines('gsm8k/test.jsonl.gz'),
  'openai/gsm8k/main/train': () => jsonLines('gsm8k/train.jsonl.gz'),
  'EleutherAI/wikitext_document_level/wikitext-2-raw-v1/test': wikitextPages,
};

const mmlu = 'cais/mmlu';

/** A dataset by its Hub id, and its configuration. */
export interface SharedDataset {
  readonly path: string;
  readonly config: string;
}

/** The full splits that lm-evaluation-harness' own runs had, each read once. MOEPRESS_SHARED names the folder. */
export function sharedDatasets() {
  const loaded = new Map<string, readonly Row[]>();
  const load = (path: string, config: string, split: string) => {
    if (path !== mmlu)
      return loaded.set(`${path}/${config}/${split}`, loaders[`${path}/${config}/${split}`]!());
    for (const [subject, rows] of mmluRows(split as 'dev' | 'test'))
      loaded.set(`${path}/${subject}/${split}`, rows);
    return loaded;
  };
  return {
    async rows({ path, config }: SharedDataset, split: string) {
      const key = `${path}/${config}/${split}`;
      const rows = loaded.get(key) ?? load(path, config, split).get(key)!;
      return { rows, where: key };
    },
  };
}
