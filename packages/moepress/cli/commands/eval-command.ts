import { dirname } from 'node:path';
import { checkWritable } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import {
  type OnnxDtype,
  onnxDtypes,
  type ResultsRecord,
  renderHeading,
  renderTable,
  taskNames,
} from '@moepress/harness';
import { Option } from 'commander';
import type { Estimate } from '../../src/estimate/estimate.js';
import { estimateEvaluate } from '../../src/estimate/estimate-evaluate.js';
import { type EvaluateOptions, evaluate } from '../../src/evaluate.js';
import type { Backend } from '../../src/evaluation/backend.js';
import type { GenerationOptions } from '../../src/generation/engine-options.js';
import { saveResults } from '../../src/results/results.js';
import { type ChatFlags, withChatOptions } from '../chat-options.js';
import {
  answersOption,
  type CacheFlags,
  cacheOf,
  type DeviceFlags,
  dataOption,
  deviceOption,
  dryRunOption,
  engineOption,
  engineSequencesOption,
  forceOption,
  gpuMemoryOption,
  includePathOption,
  jsonOption,
  memoryOption,
  modelHelp,
  noAnswersOption,
  planOption,
  pluginOption,
  precisionOption,
  profileOption,
  revisionOption,
  threadsOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { flagOf } from '../flags.js';
import { count, integer, list, path, positive, templateArguments } from '../option-values.js';
import { estimateText } from '../text/estimate-text.js';
import { nextText, quoted } from '../text/next-text.js';

interface EvalFlags
  extends BackendFlags,
    ChatFlags,
    DeviceFlags,
    GenerationOptions,
    Pick<CacheFlags, 'answers'> {
  readonly against?: string;
  readonly tasks: readonly string[];
  readonly includePath?: string;
  readonly limit?: number;
  readonly numFewshot?: number;
  readonly genKwargs?: Readonly<Record<string, unknown>>;
  readonly seed?: number;
  readonly confirmRunUnsafeCode?: boolean;
  readonly data?: string;
  readonly plan?: string;
  readonly output?: string;
  readonly dryRun?: boolean;
  readonly addBos?: boolean;
  readonly revision?: string;
}

/** Who runs the model: `--base-url` a server, `--backend` the library of that name, nothing moepress. */
interface BackendFlags {
  readonly backend?: 'transformers-js';
  readonly dtype?: OnnxDtype;
  readonly baseUrl?: string;
  readonly servedName?: string;
  readonly maxLength?: number;
  readonly concurrency?: number;
}

export const define: Define = (command, context) =>
  withChatOptions(command)
    .argument('<model>', modelHelp)
    .requiredOption(
      '--tasks <names>',
      `comma-separated names, patterns (arc_*), tags or task files (see moepress tasks): ${taskNames().join(', ')}`,
      list,
    )
    .addOption(includePathOption())
    .addOption(pluginOption())
    .addOption(planOption())
    .option(
      '--against <model>',
      'show how far the model has moved from this one: a model, or a plan for the same base',
    )
    .option('--limit <n>', 'only the first n documents of a task (below 1: that share)', positive)
    .option('--num-fewshot <n>', "examples before each question instead of the task's own number", integer)
    .option(
      '--gen-kwargs <args>',
      "arguments of generation besides each task's own, such as do_sample=true,temperature=0.6,top_p=0.95",
      templateArguments,
    )
    .option('--confirm-run-unsafe-code', 'run programs that the model writes, apart from network and files')
    .option('--seed <n>', 'seed of tokens that are drawn (default: 1234)', integer)
    .addOption(dataOption())
    .option('--output <dir>', 'folder for the results file and the samples', path)
    .option('--add-bos', 'put a beginning-of-sequence token before every text')
    .addOption(answersOption())
    .addOption(noAnswersOption())
    .option(
      '--base-url <url>',
      'use the OpenAI-compatible server at this address, such as http://localhost:8000/v1; key: OPENAI_API_KEY',
    )
    .option('--served-name <name>', 'what that server calls the model (default: as given)')
    .option('--max-length <n>', 'tokens of a prompt and its answer on that server (default: 2048)', count)
    .option('--concurrency <n>', 'requests to that server at once (default: 8)', count)
    .addOption(
      new Option(
        '--backend <name>',
        'run ready-made ONNX files, of a folder or the Hub (needs @huggingface/transformers)',
      )
        .choices(['transformers-js'])
        .conflicts('baseUrl'),
    )
    .addOption(
      new Option('--dtype <type>', 'numbers of those files (default: fp32)').choices(Object.keys(onnxDtypes)),
    )
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(engineOption())
    .addOption(engineSequencesOption())
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(jsonOption())
    .addOption(dryRunOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, flags) => evaluateModel(model, flags, await context(flags)));

async function evaluateModel(id: string, flags: EvalFlags, context: Context): Promise<void> {
  const { work, plugins, print, note } = context;
  const { backend, dtype, baseUrl, servedName, maxLength, concurrency, output, answers, dryRun, ...options } =
    flags;
  // Before a model comes from the Hub and is asked for hours.
  if (output !== undefined) await checkWritable(output);
  const cache = cacheOf({ ...(answers !== undefined && { answers }) });
  const asked = { ...options, backend: backendOf(flags), cache, plugins, ...work };
  if (dryRun) {
    const estimate = await estimated(id, asked);
    return print(estimateText(estimate), estimate);
  }
  const evaluation = await evaluate(id, asked);
  const { record } = evaluation;
  // First: what cannot be saved has been seen at least.
  const notes = record.movements ? [movementNote(record)] : [];
  print([renderHeading(record), '', renderTable(record), ...notes].join('\n'), record);
  if (output === undefined) return;
  const file = await saveResults(evaluation, output);
  note(`Results written to ${file}`);
  note(
    nextText([
      [`moepress samples ${quoted(dirname(file))} --wrong`, 'what it was asked and got wrong'],
      [`moepress compare ${quoted(dirname(file))} <results of another model>`, 'which of both is better'],
    ]),
  );
}

/**
 * What it is going to take. Only where it is asked for: the trial takes a dozen seconds, which is half of what some hundred
 * questions do.
 */
function estimated(id: string, options: EvaluateOptions): Promise<Estimate> {
  if (options.backend?.kind === 'local') return estimateEvaluate(id, options);
  throw new MoepressError('INPUT_INVALID', {
    message: 'What a model takes that runs elsewhere is not known here.',
    where: '--dry-run',
    hint: 'Leave it out, or let moepress run the model.',
  });
}

/** What the columns of a comparison with an original are. */
const movementNote = ({ against }: ResultsRecord): string =>
  [
    `Moved from ${against}: KL and KL p99, mean and 99th percentile over the tokens of KL(original || model) in nats;`,
    'Top-1, share of tokens where both find the same one likeliest; Loops, share of generated answers that end in one',
    "unit repeated four times or more; Script, share in another script than their question's.",
  ].join('\n');

/** Flags that only one kind of backend takes, and how to have it. */
const bound = [
  {
    name: 'dtype',
    kind: 'transformers-js',
    title: 'that is ready-made',
    hint: 'Give --backend transformers-js',
  },
  ...(['servedName', 'maxLength', 'concurrency'] as const).map(
    (name) => ({ name, kind: 'server', title: 'that a server runs', hint: 'Give --base-url' }) as const,
  ),
] as const;

function backendOf(flags: BackendFlags): Backend {
  const { backend, dtype, baseUrl, servedName, maxLength, concurrency } = flags;
  const kind = baseUrl === undefined ? (backend ?? 'local') : 'server';
  const wrong = bound.find((one) => flags[one.name] !== undefined && one.kind !== kind);
  if (wrong) {
    const flag = flagOf(wrong.name)!;
    throw new MoepressError('INPUT_INVALID', {
      message: `${flag} is for a model ${wrong.title}.`,
      where: flag,
      hint: `${wrong.hint}, or leave out ${flag}.`,
    });
  }
  if (baseUrl !== undefined) {
    const apiKey = process.env.OPENAI_API_KEY;
    return { kind: 'server', baseUrl, servedName, maxLength, concurrency, apiKey };
  }
  return backend === undefined ? { kind: 'local' } : { kind: backend, dtype };
}
