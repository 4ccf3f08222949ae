import { type CompressionPlan, type Model, planHash } from '@moepress/core';
import type { CarriedType } from '@moepress/graph';
import { graphFolder, graphNames } from './onnx-types.js';

export interface OnnxCardFacts {
  readonly model: Model;
  readonly base: Model;
  readonly plan: CompressionPlan | undefined;
  readonly type: CarriedType;
  /** Bytes of the files of weights. */
  readonly bytes: number;
  /** Whether genai_config.json is there. */
  readonly hasGenai: boolean;
}

const weights: Readonly<Record<CarriedType, string>> = {
  fp32: 'fp32',
  fp16: 'fp16; norms and routers fp32',
  q4: '4 bits in blocks of 32 (`MatMulNBits`), the head 8 bits, embeddings fp16, norms and routers fp32',
};

/** The model card of a folder in the convention of the Hub for ONNX: how it is loaded, and what it was made of. */
export function onnxCard(original: string | null, facts: OnnxCardFacts): string {
  const { base, type, bytes, hasGenai } = facts;
  const name = base.id.split(/[\\/]/).at(-1)!;
  const rows = [
    ['graph', `\`${graphFolder}/${graphNames[type]}\``],
    ['weights', `${weights[type]}; ${bytes} bytes`],
    ...planRows(facts.plan),
  ];
  return `${[
    '---',
    'library_name: transformers.js',
    'pipeline_tag: text-generation',
    ...(base.revision === null ? [] : [`base_model: ${base.id}`]),
    ...licenceLines(original),
    'tags: [onnx, moe, moepress]',
    '---',
    '',
    `# ${cell(name)} for ONNX Runtime`,
    '',
    'Exported with moepress: one graph with its cache of keys and values, for',
    `[transformers.js](https://huggingface.co/docs/transformers.js)${hasGenai ? ', ONNX Runtime GenAI' : ''} and every other program`,
    'that runs ONNX Runtime.',
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([key, value]) => `| ${key} | ${value} |`),
    '',
    '```js',
    "import { pipeline } from '@huggingface/transformers';",
    '',
    "const generate = await pipeline('text-generation', '<this repository>');",
    "console.log(await generate('Once upon a time', { max_new_tokens: 64 }));",
    '```',
  ].join('\n')}\n`;
}

function planRows(plan: CompressionPlan | undefined): string[][] {
  if (!plan) return [];
  const { method, options, base } = plan;
  return [
    ['compressed by', cell(`${method.name} (${method.package} ${method.version})`)],
    ['options', cell(JSON.stringify(options))],
    ['base model', cell(base.revision ? `${base.id} @ ${base.revision}` : base.id)],
    ['plan', `sha256 ${planHash(plan)}, \`moepress_plan.json\``],
  ];
}

/** What the original says of its licence, which is that of what is made of it. */
function licenceLines(card: string | null): string[] {
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card ?? '')?.[1] ?? '';
  return head.split(/\r?\n/).filter((line) => /^license(_name|_link)?: *\S/.test(line));
}

/** A plan is untrusted: no text in it may break out of its table cell. */
const cell = (text: string): string =>
  text.replace(/\s+/g, ' ').replace(/[|[]/g, '\\$&').replaceAll('<', '&lt;');
