import { code, markdownTable, plain } from './table.mjs';

/** The page of methods and refiners, from their own descriptions. */
export function methodsPage(methods) {
  const part = ({ name, kind, package: from, title, reference, options }) => [
    `## ${name}${kind === 'refiner' ? ' (refiner)' : ''}`,
    '',
    `${plain(title)}. From ${code(from)}; reference: ${plain(reference)}.`,
    '',
    ...(options.length === 0
      ? ['It takes no options.', '']
      : [
          markdownTable(
            ['option', 'takes', 'default', 'what it does'],
            options.map((option) => [
              code(option.name),
              code(option.type),
              option.default === undefined
                ? option.isRequired
                  ? 'must be given'
                  : ''
                : code(JSON.stringify(option.default)),
              plain(option.description ?? ''),
            ]),
          ),
          '',
        ]),
  ];
  return [
    '# Methods and their options',
    '',
    'The methods and refiners that come with moepress, from their own descriptions. `moepress methods <name>` prints the same, and',
    'shows those of plugins you have installed. `--ratio` and `--seed` of the command are the options `ratio` and `seed`; others are given by',
    '`--option name=value`.',
    '',
    ...methods.flatMap(part),
  ].join('\n');
}

/** The page of tasks. */
export function tasksPage({ tasks }) {
  return [
    '# Tasks that come with moepress',
    '',
    '`moepress tasks` prints the same, and shows those of your plugins and of task files of lm-evaluation-harness beside it:',
    '[tasks.md](../tasks.md) tells how far these run.',
    '',
    markdownTable(
      ['name', 'kind', 'what the model is asked for'],
      tasks.map(({ name, kind, outputType }) => [code(name), kind, outputType ? code(outputType) : '']),
    ),
    '',
  ].join('\n');
}

/** The page of errors: what usually mends each, by its code. */
export function errorsPage(catalogue) {
  const parts = Object.entries(catalogue).flatMap(([name, hint]) => [
    `## ${name} {#${name.toLowerCase().replaceAll('_', '-')}}`,
    '',
    plain(hint),
    '',
  ]);
  return [
    '# Errors by code',
    '',
    'Every error that a user can cause has one of these codes (`error.code` in the library, `code` with `--json`). Its message says what was',
    'wrong, `where` names the place, and `mend` what to do; where a place knows more than the general advice below, it says that instead.',
    'The command ends with 1 after such an error, with 2 where the command line itself was wrong, and with 130 or 143 after a signal.',
    '',
    ...parts,
  ].join('\n');
}
