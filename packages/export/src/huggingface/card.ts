import type { EngineSupport } from '../engine-support.js';
import { baseCardName, type CardFacts } from './card-facts.js';
import { cardRows, cell, type Row } from './card-rows.js';
import { frontMatter, hubIdOf } from './front-matter.js';

/**
 * The model card of a written checkpoint. `original`: that of the model it was made of, of which only the metadata that
 * still hold are taken over; its text is linked.
 */
export function writeCard(original: string | null, facts: CardFacts): string {
  const parts = [
    frontMatter(original, facts),
    `# ${titleOf(facts)}`,
    introductionOf(original, facts),
    tableOf(['', ''], cardRows(facts)),
    `## What loads it\n\n${tableOf(['program', 'loads it'], [...facts.engines.map(engineRow), ggufRow])}`,
    ...usesOf(facts),
    `## What to know\n\n${warningsOf(facts)
      .map((warning) => `* ${warning}`)
      .join('\n')}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function titleOf({ model, base, plan }: CardFacts): string {
  const name = (base ?? model).id.split(/[\\/]/).at(-1)!;
  return cell(plan ? `${name}, compressed by ${plan.method.name}` : name);
}

function introductionOf(original: string | null, { model, base, plan }: CardFacts): string {
  const source = base ?? model;
  const hubId = hubIdOf(source);
  const name =
    hubId === undefined
      ? `\`${source.id.split(/[\\/]/).at(-1)}\``
      : `[${hubId}](https://huggingface.co/${hubId})`;
  const at = hubId === undefined ? '' : ` at revision \`${source.revision}\``;
  const text =
    hubId === undefined && original !== null ? ` Its own card is [${baseCardName}](${baseCardName}).` : '';
  return plan
    ? `This is ${name}${at}, compressed by moepress.${text} The plan in \`moepress_plan.json\` makes this checkpoint again from it.`
    : `This is ${name}${at}, written again by moepress.${text}`;
}

function tableOf(head: Row, rows: readonly Row[]): string {
  return [
    `| ${head[0]} | ${head[1]} |`,
    '|---|---|',
    ...rows.map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`),
  ].join('\n');
}

const answers = {
  exactly: 'yes',
  padded: 'yes',
  nearly: 'nearly',
  'remote code': 'with remote code',
  not: 'no',
} as const;

const engineRow = ({ engine, loads, reason }: EngineSupport): Row => [
  engine,
  reason === null ? answers[loads] : `${answers[loads]}. ${reason}`,
];

/** Programs that read another format, and how to write it. */
const ggufRow: Row = [
  'llama.cpp, Ollama, LM Studio',
  'no. They read GGUF files: `npx moepress export <this folder> --to gguf` says whether one can be written, and `--out model.gguf` writes it.',
];

/** Code for the programs that load it. */
function usesOf({ engines }: CardFacts): string[] {
  const transformers = engines.find(({ engine }) => engine === 'transformers');
  const vllm = engines.find(({ engine }) => engine === 'vLLM');
  const trust = transformers?.loads === 'remote code' ? ', trust_remote_code=True' : '';
  return [
    ...(transformers === undefined || transformers.loads === 'not' ? [] : [pythonUse(trust)]),
    ...(vllm === undefined || vllm.loads === 'not' ? [] : [vllmUse(vllm.loads === 'remote code')]),
    '```sh\nnpx moepress serve <this folder>\n```',
  ];
}

const pythonUse = (trust: string): string => `\`\`\`python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("<this folder>", dtype="auto"${trust})
\`\`\``;

const vllmUse = (byPlugin: boolean): string =>
  byPlugin
    ? '```sh\nVLLM_PLUGINS=less_is_moe_ragged vllm serve <this folder> --dtype bfloat16 --enforce-eager\n```'
    : '```sh\nvllm serve <this folder>\n```';

function warningsOf({ plan, form }: CardFacts): string[] {
  if (!plan) return ['Nothing was removed: it answers as its base does.'];
  return [
    'Scores of the base model are not those of this one. Measure it: `npx moepress eval <this folder> --tasks arc_easy,gsm8k`.',
    plan.learned
      ? 'It was trained after it was compressed, on the text named above.'
      : 'It was not trained after it was compressed.',
    ...(plan.calibration
      ? ['What it has kept depends on the calibration text: what that does not hold may have been lost.']
      : []),
    ...(form.kind === 'flat'
      ? [
          'The layout was written after its description and not tried with the [vLLM plugin of Less-is-MoE](https://github.com/HectorHHZ/Less-is-MoE).',
        ]
      : []),
  ];
}
