import { type Command, type Help, type HelpConfiguration, Option } from 'commander';

/** What comes first: nothing works without it. */
const required = 'Required:';

/** Headings of options that many commands have, in the order of the help; the others stand first, as "Options:". */
const groups: Readonly<Record<string, readonly string[]>> = {
  'What is written:': ['--layout', '--mtp', '--quantise', '--force'],
  'How instruct models are asked:': [
    '--apply-chat-template',
    '--system-instruction',
    '--fewshot-as-multiturn',
    '--chat-template-args',
    '--enable-thinking',
    '--think-end-token',
  ],
  'A model that runs elsewhere:': [
    '--base-url',
    '--served-name',
    '--max-length',
    '--concurrency',
    '--backend',
    '--dtype',
  ],
  'Where and with how much to compute:': [
    '--memory',
    '--threads',
    '--workers',
    '--device',
    '--precision',
    '--gpu-memory',
    '--engine',
    '--engine-sequences',
    '--queue',
    '--stalled-after',
    '--residency',
  ],
  'Where things are:': [
    '--data',
    '--include-path',
    '--evidence',
    '--no-evidence',
    '--answers',
    '--no-answers',
    '--runs',
    '--revision',
    '--plugin',
  ],
  'The command itself:': ['--dry-run', '--json', '--profile', '--help', '--version'],
};

const headings = [required, 'Options:', ...Object.keys(groups)];

function headingOf(option: Option): string {
  if (option.mandatory) return required;
  const found = Object.entries(groups).find(([, flags]) => flags.includes(option.long ?? ''));
  return found?.[0] ?? 'Options:';
}

/** Items by their headings: options in the order above, commands as they are. */
function groupItems<Item extends Command | Option>(
  _all: Item[],
  visible: Item[],
  getGroup: (item: Item) => string,
): Map<string, Item[]> {
  const heading = (item: Item) => (item instanceof Option ? headingOf(item) : getGroup(item));
  const names = visible.map(heading);
  const place = (name: string) => (headings.includes(name) ? headings.indexOf(name) : headings.length);
  const ordered = [...new Set(names)].sort((a, b) => place(a) - place(b));
  return new Map(ordered.map((name) => [name, visible.filter((_, i) => names[i] === name)]));
}

/** `moepress compress <model> --method <name> [options]`: with all that has to be given. */
function commandUsage(command: Command): string {
  const names = [command.name()];
  for (let parent = command.parent; parent; parent = parent.parent) names.unshift(parent.name());
  if (command.commands.length > 0) return `${names.join(' ')} <command> [options]`;
  const taken = command.registeredArguments.map((one) =>
    one.required ? `<${one.name()}>` : `[${one.name()}]`,
  );
  const demanded = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags);
  return inLines([names.join(' '), ...taken, ...demanded, '[options]']);
}

/** Columns beside "Usage: ". */
const usageWidth = 73;

/** Words side by side, on as many lines as it takes. */
function inLines(words: readonly string[]): string {
  const lines = [''];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length <= usageWidth) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join(`\n${' '.repeat('Usage: moepress '.length)}`);
}

/** How help looks: options under headings, those that are required first; colours as commander decides by NO_COLOR. */
export const helpLayout: HelpConfiguration = {
  groupItems: groupItems as Help['groupItems'],
  commandUsage,
  subcommandTerm: (command) =>
    [
      command.name(),
      ...command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`)),
    ].join(' '),
  styleTitle: (text) => `\u001b[1m${text}\u001b[22m`,
  styleOptionTerm: (text) => `\u001b[36m${text}\u001b[39m`,
  styleSubcommandTerm: (text) => `\u001b[36m${text}\u001b[39m`,
};

/** Command lines that may be typed as they stand, below the help of a command. */
export const examplesText = (examples: readonly string[]): string =>
  examples.length === 0
    ? ''
    : `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${examples.map((line) => `  ${line}`).join('\n')}`;
