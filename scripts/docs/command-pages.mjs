import { code, markdownTable, plain } from './table.mjs';

/** The page of all commands, from the definitions that the command itself uses. */
export async function commandsPage({ commandNames, createProgram }) {
  const parts = [];
  for (const name of commandNames) parts.push(commandPart(await definitionOf(name, createProgram)));
  return [
    '# Commands and options',
    '',
    'Made from the definitions that the command itself uses. `moepress <command> --help` prints the same.',
    '',
    ...parts,
    '',
  ].join('\n');
}

async function definitionOf(name, createProgram) {
  const program = await createProgram({
    version: '0',
    argv: ['node', 'moepress', name],
    json: false,
    context: () => Promise.reject(new Error('Only described, never run.')),
  });
  return program.commands.find((command) => command.name() === name);
}

function commandPart(command) {
  const usage = command.registeredArguments.map((argument) => {
    const label = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${label}>` : `[${label}]`;
  });
  const named = command.registeredArguments.filter(({ description }) => description);
  return [
    `## ${command.name()}`,
    '',
    `${sentence(command.description())}`,
    '',
    '```sh',
    ['moepress', command.name(), ...usage, ...(command.options.length > 0 ? ['[options]'] : [])].join(' '),
    '```',
    '',
    ...(named.length > 0
      ? [
          markdownTable(
            ['argument', 'what it is'],
            named.map((one) => [code(one.name()), plain(one.description)]),
          ),
          '',
        ]
      : []),
    ...groupsOf(command).flatMap(([heading, options]) => [
      ...(heading ? [`### ${command.name()}: ${plain(heading.replace(/:$/, ''))}`, ''] : []),
      markdownTable(['option', 'what it does', 'default'], options.map(optionRow)),
      '',
    ]),
  ].join('\n');
}

/** Options under the headings that help shows them under. */
function groupsOf(command) {
  const groups = new Map();
  for (const option of command.options.filter(({ hidden }) => !hidden)) {
    const heading = option.helpGroupHeading ?? '';
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  return [...groups];
}

function optionRow({ flags, description, mandatory, argChoices, defaultValue, defaultValueDescription }) {
  const choices = argChoices ? ` One of ${argChoices.map(code).join(', ')}.` : '';
  const preset = defaultValueDescription ?? defaultValue;
  const text = `${plain(description)}${mandatory ? ' (must be given)' : ''}${choices}`;
  return [code(flags), text, preset === undefined ? '' : code(presetText(preset))];
}

const presetText = (preset) => (typeof preset === 'string' ? preset : JSON.stringify(preset));

const sentence = (text) => plain(`${text[0].toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, '.'));
