import { Command } from 'commander';
import type { Define, MakeContext } from './context.js';

interface Entry {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly string[];
  load(): Promise<{ readonly define: Define }>;
}

/** What the help of the whole command tells of each, and the module that has the rest. */
const entries: readonly Entry[] = [
  {
    name: 'inspect',
    description: 'what a model is made of and what each method could save',
    arguments: ['<model>'],
    load: () => import('./commands/inspect-command.js'),
  },
  {
    name: 'compress',
    description: 'calibrate, decide what goes, and write the smaller checkpoint',
    arguments: ['<model>'],
    load: () => import('./commands/compress-command.js'),
  },
  {
    name: 'apply',
    description: 'write the checkpoint that a plan describes',
    arguments: ['<plan>', '<model>'],
    load: () => import('./commands/apply-command.js'),
  },
  {
    name: 'export',
    description: 'write a model in the format of the engine that is to run it',
    arguments: ['<model>'],
    load: () => import('./commands/export-command.js'),
  },
  {
    name: 'refine',
    description: 'train what a plan leaves of a model, and write the plan with what was learned',
    arguments: ['<model>'],
    load: () => import('./commands/refine-command.js'),
  },
  {
    name: 'evidence',
    description: 'what has been measured, what it says about the experts, and what killed runs left',
    arguments: ['[dir]'],
    load: () => import('./commands/evidence-command.js'),
  },
  {
    name: 'channels',
    description: 'which layers, experts and channels the loss on a text depends on',
    arguments: ['<model>'],
    load: () => import('./commands/channels-command.js'),
  },
  {
    name: 'eval',
    description: 'score a model on tasks as lm-evaluation-harness does',
    arguments: ['<model>'],
    load: () => import('./commands/eval-command.js'),
  },
  {
    name: 'tasks',
    description: 'the tasks that eval knows, and those of a folder of task files',
    arguments: ['[search]'],
    load: () => import('./commands/tasks-command.js'),
  },
  {
    name: 'methods',
    description: 'the methods and refiners that are installed, and the options of each',
    arguments: ['[name]'],
    load: () => import('./commands/methods-command.js'),
  },
  {
    name: 'compare',
    description: 'two models on the same documents: differences, intervals and what could be detected',
    arguments: ['<first>', '<second>'],
    load: () => import('./commands/compare-command.js'),
  },
  {
    name: 'samples',
    description: 'what a model was asked and answered',
    arguments: ['<results>'],
    load: () => import('./commands/samples-command.js'),
  },
  {
    name: 'leaderboard',
    description: 'compress and score models by methods, ratios and calibration sets, and show all on a page',
    arguments: ['<recipe>'],
    load: () => import('./commands/leaderboard-command.js'),
  },
  {
    name: 'sweep',
    description: "try every combination of a method's options, and show which options matter",
    arguments: ['<grid>'],
    load: () => import('./commands/sweep-command.js'),
  },
  {
    name: 'serve',
    description: 'answer the completions and chat API of OpenAI with a model',
    arguments: ['<model>'],
    load: () => import('./commands/serve-command.js'),
  },
  {
    name: 'trace',
    description: 'hidden states, routing and logits of one sequence, as a safetensors file',
    arguments: ['<model>'],
    load: () => import('./commands/trace-command.js'),
  },
  {
    name: 'doctor',
    description: 'which devices this machine has, whether they compute rightly, and what is missing',
    arguments: [],
    load: () => import('./commands/doctor-command.js'),
  },
  {
    name: 'demo',
    description: 'compress the embedded model with every method at several ratios and compare',
    arguments: [],
    load: () => import('./commands/demo-command.js'),
  },
];

export const commandNames: readonly string[] = entries.map(({ name }) => name);

export interface ProgramOptions {
  readonly version: string;
  /** The arguments of the process: only the command they name is loaded. */
  readonly argv: readonly string[];
  /** Leaves it to the caller to tell what was wrong with the command line. */
  readonly json: boolean;
  readonly context: MakeContext;
}

/** The command line. Only the command that is asked for knows its options; of the others there is a line of help. */
export async function createProgram({ version, argv, json, context }: ProgramOptions): Promise<Command> {
  const program = new Command('moepress')
    .description('Make Mixture-of-Experts language models small enough to use')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('  hint:  See --help.')
    .configureOutput(json ? { writeErr: () => {} } : {});
  const asked = nameIn(argv.slice(2));
  for (const { name, description, arguments: names, load } of entries) {
    const command = program.command(name).description(description);
    if (name === asked) (await load()).define(command, context);
    else for (const one of names) command.argument(one);
    // Help says "[options]" of commands that have any.
    if (name !== asked) command.option('--json');
  }
  return program;
}

/** The name of the command on a command line, or of the one that help is asked for. */
function nameIn(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}
