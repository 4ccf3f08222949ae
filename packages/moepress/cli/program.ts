import { calibrationForms, onnxDtypes, parseCalibration, taskNames } from '@moepress/harness';
import { Command, Option } from 'commander';
import { channelStatistics } from '../src/statistics/channel-scores.js';
import { apply } from './commands/apply-command.js';
import { channels } from './commands/channels-command.js';
import { compare } from './commands/compare-command.js';
import { compress } from './commands/compress-command.js';
import { demo } from './commands/demo-command.js';
import { doctor } from './commands/doctor-command.js';
import { evalCommand } from './commands/eval-command.js';
import { evidence } from './commands/evidence-command.js';
import { inspect } from './commands/inspect-command.js';
import { leaderboard } from './commands/leaderboard-command.js';
import { refine } from './commands/refine-command.js';
import { samples } from './commands/samples-command.js';
import { serve } from './commands/serve-command.js';
import { sweep } from './commands/sweep-command.js';
import { trace } from './commands/trace-command.js';
import type { Context, ContextOptions } from './context.js';
import {
  bytes,
  count,
  fraction,
  integer,
  list,
  methodOption,
  path,
  port,
  positive,
  repeated,
} from './option-values.js';
import {
  answersOption,
  calibrationOption,
  dataOption,
  deviceOption,
  evidenceOption,
  forceOption,
  formatOption,
  gpuMemoryOption,
  jsonOption,
  layoutOption,
  memoryOption,
  minTokensOption,
  noAnswersOption,
  noEvidenceOption,
  planOption,
  pluginOption,
  precisionOption,
  profileOption,
  revisionOption,
  seedOption,
  threadsOption,
} from './shared-options.js';

const resultsHelp = 'a results_<time>.json that eval --output wrote, or the folder it is in';
const modelHelp = 'a folder, a Hub id such as allenai/OLMoE-1B-7B-0125, or tiny';

export interface ProgramOptions {
  readonly version: string;
  /** Leaves it to the caller to tell what was wrong with the command line. */
  readonly json: boolean;
  /** Called when an action starts. */
  readonly context: (options: ContextOptions) => Promise<Context>;
}

/** The command line. */
export function createProgram({ version, json, context }: ProgramOptions): Command {
  const program = new Command('moepress')
    .description('Make Mixture-of-Experts language models small enough to use')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('  hint:  See --help.')
    .configureOutput(json ? { writeErr: () => {} } : {});

  program
    .command('inspect')
    .description('what a model is made of and what each method could save')
    .argument('<model>', modelHelp)
    .addOption(planOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .action(async (model, options) => inspect(model, options, await context(options)));

  program
    .command('compress')
    .description('calibrate, decide what goes, and write the smaller checkpoint')
    .argument('<model>', modelHelp)
    .requiredOption(
      '--method <name>',
      'conmoe, fisher-moe, reap, frequency, random, or that of an installed plugin',
    )
    .option('--ratio <fraction>', 'share of the routed-expert parameters to remove', fraction)
    .option('--out <path>', 'folder of the checkpoint (with --plan-only: file of the plan)', path)
    .option('--plan-only', 'write the plan and no weights')
    .option(
      '--across-groups',
      'of routers that select within groups of experts: drop the lowest of a layer, and select without groups',
    )
    .addOption(formatOption())
    .addOption(layoutOption())
    .addOption(calibrationOption())
    .addOption(dataOption())
    .addOption(seedOption())
    .option('--option <name=value>', 'an option of the method, may be repeated', methodOption)
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(memoryOption())
    .addOption(minTokensOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, options) => compress(model, options, await context(options)));

  program
    .command('apply')
    .description('write the checkpoint that a plan describes')
    .argument('<plan>', 'plan file')
    .argument('<model>', `the plan's base: ${modelHelp}`)
    .requiredOption('--out <dir>', 'folder of the checkpoint', path)
    .addOption(formatOption())
    .addOption(layoutOption())
    .addOption(revisionOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (plan, model, options) => apply(plan, model, options, await context(options)));

  program
    .command('refine')
    .description('train what a plan leaves of a model, and write the plan with what was learned')
    .argument('<model>', `the plan's base: ${modelHelp}`)
    .requiredOption('--plan <file>', 'the plan that makes the student', path)
    .requiredOption('--refiner <name>', 'cd-moe, distil, or that of an installed plugin')
    .requiredOption(
      '--train <set>',
      `what to learn from, of a task's questions the answers: ${calibrationForms.join('; ')}`,
      parseCalibration,
    )
    .option('--validate <set>', 'what to judge the student by meanwhile', parseCalibration)
    .requiredOption('--out <dir>', 'folder of the refined plan, its tensors and loss curves', path)
    .option('--option <name=value>', 'an option of the refiner, may be repeated', methodOption)
    .option('--runs <dir>', 'where training keeps its state and goes on (default: the cache)', path)
    .addOption(dataOption())
    .addOption(seedOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, options) => refine(model, options, await context(options)));

  program
    .command('evidence')
    .description('what has been measured, what it says about the experts, and what killed runs left')
    .argument('[dir]', 'a store, or the folder of one statistic in it (default: the cache)', path)
    .option('--clear', 'remove the scratch files and training states of runs that were killed')
    .addOption(minTokensOption())
    .addOption(jsonOption())
    .action(async (dir, options) => evidence(dir, options, await context(options)));

  program
    .command('channels')
    .description('which layers, experts and channels the loss on a text depends on')
    .argument('<model>', modelHelp)
    .addOption(planOption())
    .addOption(calibrationOption())
    .option('--against <set>', 'another calibration set: what would both keep?', parseCalibration)
    .addOption(
      new Option('--score <score>', 'what a channel weighs')
        .choices(Object.keys(channelStatistics))
        .default('fisher-squared'),
    )
    .option('--svg <file>', 'heat map of layers and experts', path)
    .addOption(dataOption())
    .addOption(seedOption())
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(memoryOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, options) => channels(model, options, await context(options)));

  program
    .command('eval')
    .description('score a model on tasks as lm-evaluation-harness does')
    .argument('<model>', modelHelp)
    .requiredOption('--tasks <names>', `comma-separated: ${taskNames().join(', ')}`, list)
    .addOption(planOption())
    .option('--limit <n>', 'only the first n documents of a task (below 1: that share)', positive)
    .option('--num-fewshot <n>', "examples before each question instead of the task's own number", integer)
    .addOption(dataOption())
    .option('--output <dir>', 'folder for the results file and the samples', path)
    .option('--add-bos', 'put a beginning-of-sequence token before every text')
    .addOption(answersOption())
    .addOption(noAnswersOption())
    .option(
      '--base-url <url>',
      'ask the OpenAI-compatible server there, such as http://localhost:8000/v1; key: OPENAI_API_KEY',
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
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, options) => evalCommand(model, options, await context(options)));

  program
    .command('compare')
    .description('two models on the same documents: differences, intervals and what could be detected')
    .argument('<first>', resultsHelp, path)
    .argument('<second>', resultsHelp, path)
    .option('--seed <n>', 'seed of the bootstrap', integer, 1234)
    .addOption(jsonOption())
    .action(async (first, second, options) => compare(first, second, options, await context(options)));

  program
    .command('samples')
    .description('what a model was asked and answered')
    .argument('<results>', resultsHelp, path)
    .option('--task <name>', 'only this task')
    .option('--filter <name>', 'only answers under this filter')
    .option('--wrong', 'only answers that the first metric counts as wrong')
    .option('--limit <n>', 'samples of each task', count, 5)
    .addOption(jsonOption())
    .action(async (results, options) => samples(results, options, await context(options)));

  program
    .command('leaderboard')
    .description('compress and score models by methods, ratios and calibration sets, and show all on a page')
    .argument(
      '<recipe>',
      'YAML: models, methods, ratios, tasks, and optionally calibration, seeds, limit',
      path,
    )
    .requiredOption('--out <dir>', 'folder of the results; what is done there is not done again', path)
    .option('--workers <n>', 'models scored at once', count, 1)
    .option(
      '--queue <url>',
      'share the work with all machines that run this command on the Redis server there (needs @moepress/queue)',
    )
    .option(
      '--stalled-after <seconds>',
      'take a machine on the queue for dead after this silence',
      positive,
      60,
    )
    .addOption(dataOption())
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(answersOption())
    .addOption(noAnswersOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (recipe, options) => leaderboard(recipe, options, await context(options)));

  program
    .command('sweep')
    .description("try every combination of a method's options, and show which options matter")
    .argument(
      '<grid>',
      'YAML: model, method, options with lists of values, and optionally calibration, tasks, by, best',
      path,
    )
    .requiredOption('--out <dir>', 'folder of the results; what is done there is not done again', path)
    .option('--workers <n>', 'configurations tried at once (default: one a core, or one on a device)', count)
    .addOption(dataOption())
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (grid, options) => sweep(grid, options, await context(options)));

  program
    .command('serve')
    .description('answer the completions and chat API of OpenAI with a model')
    .argument('<model>', modelHelp)
    .addOption(planOption())
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 takes any that is free', port, 8000)
    .option(
      '--served-name <name>',
      'what clients call the model (default: its id on the Hub, or the name of its folder)',
    )
    .option(
      '--api-key <key>',
      'what clients have to send (default: MOEPRESS_API_KEY, which no list of processes shows)',
    )
    .option('--allowed-host <name>', 'a name that clients may call this machine, may be repeated', repeated)
    .option('--max-requests <n>', 'requests at once; more are told to come again', count, 256)
    .addOption(
      new Option('--max-body <size>', 'the largest request').argParser(bytes).default(4 * 2 ** 20, '4MiB'),
    )
    .option('--request-timeout <seconds>', 'the longest that an answer may take', positive, 600)
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(jsonOption())
    .action(async (model, options) => serve(model, options, await context(options)));

  program
    .command('trace')
    .description('hidden states, routing and logits of one sequence, as a safetensors file')
    .argument('<model>', modelHelp)
    .requiredOption('--ids <json>', 'token ids: a JSON array, or a file that holds one', path)
    .requiredOption('--out <file>', 'safetensors file', path)
    .addOption(planOption())
    .addOption(
      new Option('--residency <kind>', 'how much of the model is mapped at once')
        .choices(['auto', 'streamed', 'resident'])
        .default('auto'),
    )
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, options) => trace(model, options, await context(options)));

  program
    .command('doctor')
    .description('which devices this machine has, whether they compute rightly, and what is missing')
    .addOption(jsonOption())
    .action(async (options) => doctor(await context(options)));

  program
    .command('demo')
    .description('compress the embedded model with every method at several ratios and compare')
    .option('--all', 'more experiments, which take minutes longer')
    .option('--out <dir>', 'keep the checkpoints in this folder', path)
    .option('--limit <n>', 'only the first n documents of a task', positive)
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (options) => demo(options, await context(options)));

  return program;
}
