import { Command } from 'commander';
import type { Define, MakeContext } from './context.js';
import { examples } from './examples.js';
import { examplesText, helpLayout } from './help.js';

interface Entry {
  readonly name: string;
  readonly group: string;
  readonly description: string;
  readonly arguments: readonly string[];
  load(): Promise<{ readonly define: Define }>;
}

const groups = {
  begin: 'Begin here:',
  look: 'Look at models and methods:',
  make: 'Make a model smaller:',
  score: 'Score and compare:',
  use: 'Use a model:',
} as const;

/** What the help of the whole command tells of each, and the module that has the rest. */
const entries: readonly Entry[] = [
  {
    name: 'demo',
    group: groups.begin,
    description: 'compress the embedded model with every method at several ratios and compare',
    arguments: [],
    load: () => import('./commands/demo-command.js'),
  },
  {
    name: 'doctor',
    group: groups.begin,
    description: 'which devices this machine has, whether they compute rightly, and what is missing',
    arguments: [],
    load: () => import('./commands/doctor-command.js'),
  },
  {
    name: 'inspect',
    group: groups.look,
    description: 'what a model is made of and what each method could save',
    arguments: ['<model>'],
    load: () => import('./commands/inspect-command.js'),
  },
  {
    name: 'methods',
    group: groups.look,
    description: 'the methods and refiners that are installed, and the options of each',
    arguments: ['[name]'],
    load: () => import('./commands/methods-command.js'),
  },
  {
    name: 'channels',
    group: groups.look,
    description: 'which layers, experts and channels the loss on a text depends on',
    arguments: ['<model>'],
    load: () => import('./commands/channels-command.js'),
  },
  {
    name: 'evidence',
    group: groups.look,
    description: 'what has been measured, what it says about the experts, and what killed runs left',
    arguments: ['[dir]'],
    load: () => import('./commands/evidence-command.js'),
  },
  {
    name: 'compress',
    group: groups.make,
    description: 'calibrate, decide what goes, and write the smaller checkpoint',
    arguments: ['<model>'],
    load: () => import('./commands/compress-command.js'),
  },
  {
    name: 'refine',
    group: groups.make,
    description: 'train what a plan leaves of a model, and write the plan with what was learned',
    arguments: ['<model>'],
    load: () => import('./commands/refine-command.js'),
  },
  {
    name: 'apply',
    group: groups.make,
    description: 'write the checkpoint that a plan describes',
    arguments: ['<plan>', '<model>'],
    load: () => import('./commands/apply-command.js'),
  },
  {
    name: 'export',
    group: groups.make,
    description: 'write a model in the format of the engine that is to run it',
    arguments: ['<model>'],
    load: () => import('./commands/export-command.js'),
  },
  {
    name: 'run',
    group: groups.make,
    description: 'do all that a recipe says: measure, compress, heal, export, evaluate, compare',
    arguments: ['[recipe]'],
    load: () => import('./commands/run-command.js'),
  },
  {
    name: 'eval',
    group: groups.score,
    description: 'score a model on tasks as lm-evaluation-harness does',
    arguments: ['<model>'],
    load: () => import('./commands/eval-command.js'),
  },
  {
    name: 'tasks',
    group: groups.score,
    description: 'the tasks that eval knows, and those of a folder of task files',
    arguments: ['[search]'],
    load: () => import('./commands/tasks-command.js'),
  },
  {
    name: 'compare',
    group: groups.score,
    description: 'two models on the same documents: differences, intervals and what could be detected',
    arguments: ['<first>', '<second>'],
    load: () => import('./commands/compare-command.js'),
  },
  {
    name: 'samples',
    group: groups.score,
    description: 'what a model was asked and answered',
    arguments: ['<results>'],
    load: () => import('./commands/samples-command.js'),
  },
  {
    name: 'leaderboard',
    group: groups.score,
    description: 'compress and score models by methods, ratios and calibration sets, and show all on a page',
    arguments: ['<recipe>'],
    load: () => import('./commands/leaderboard-command.js'),
  },
  {
    name: 'sweep',
    group: groups.score,
    description: "try every combination of a method's options, and show which options matter",
    arguments: ['<grid>'],
    load: () => import('./commands/sweep-command.js'),
  },
  {
    name: 'serve',
    group: groups.use,
    description: 'answer the completions and chat API of OpenAI with a model',
    arguments: ['<model>'],
    load: () => import('./commands/serve-command.js'),
  },
  {
    name: 'trace',
    group: groups.use,
    description: 'hidden states, routing and logits of one sequence, as a safetensors file',
    arguments: ['<model>'],
    load: () => import('./commands/trace-command.js'),
  },
  {
    name: 'completion',
    group: groups.use,
    description: 'a script that completes commands and options in bash, zsh or fish',
    arguments: ['<shell>'],
    load: () => import('./commands/completion-command.js'),
  },
];

const moreHelp = 'moepress <command> --help has the options of a command and examples.';

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
    .version(version, '-V, --version', 'show the version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp(helpLayout)
    .helpOption('-h, --help', 'show this help')
    .addHelpCommand(
      new Command('help').argument('[command]').description('the help of a command').helpGroup(groups.begin),
    )
    .addHelpText('after', `${examplesText(examples.moepress ?? [])}\n\n${moreHelp}`)
    .configureOutput(json ? { writeErr: () => {} } : {});
  const asked = nameIn(argv.slice(2));
  program.showHelpAfterError(
    `  hint:  See moepress ${entries.some(({ name }) => name === asked) ? `${asked} ` : ''}--help.`,
  );
  for (const { name, group, description, arguments: names, load } of entries) {
    const command = program.command(name).description(description).helpGroup(group);
    if (name === asked) {
      (await load()).define(command, context);
      command.addHelpText('after', examplesText(examples[name] ?? []));
    } else for (const one of names) command.argument(one);
  }
  return program;
}

/** The name of the command on a command line, or of the one that help is asked for. */
function nameIn(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}
