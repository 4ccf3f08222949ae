import type { DescribedCommand, DescribedFlag } from './described-command.js';

export const shells = ['bash', 'zsh', 'fish'] as const;

/** A script that completes commands, their options and the values of these, for a shell to load. */
export function completionScript(
  shell: (typeof shells)[number],
  commands: readonly DescribedCommand[],
): string {
  return { bash, zsh, fish }[shell](commands);
}

/** A text within single quotes, for sh. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const withChoices = (options: readonly DescribedFlag[]) =>
  options.filter(({ choices }) => choices.length > 0);
const withFiles = (options: readonly DescribedFlag[]) =>
  options.filter(({ choices, takesValue }) => takesValue && choices.length === 0);

function bash(commands: readonly DescribedCommand[]): string {
  const cases = commands.map(({ name, options, choices }) => {
    const values = withChoices(options).map(
      ({ flag, choices: of }) =>
        `        ${flag}) COMPREPLY=($(compgen -W ${quoted(of.join(' '))} -- "$word")); return ;;`,
    );
    const files = withFiles(options).map(({ flag }) => flag);
    return [
      `    ${name})`,
      '      case "$previous" in',
      ...values,
      ...(files.length > 0 ? [`        ${files.join('|')}) return ;;`] : []),
      '      esac',
      `      options=${quoted(options.map(({ flag }) => flag).join(' '))}`,
      `      choices=${quoted(choices.join(' '))} ;;`,
    ].join('\n');
  });
  return `# Completion of moepress for bash. Files complete where nothing else is known.
_moepress() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" options= choices=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted([...commands.map(({ name }) => name), 'help', '--help', '--version'].join(' '))} -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    help) choices=${quoted(commands.map(({ name }) => name).join(' '))} ;;
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) [ -n "$choices" ] && COMPREPLY=($(compgen -W "$choices" -- "$word")) ;;
  esac
}
complete -o default -F _moepress moepress
`;
}

/** Characters that mean something in the specifications of zsh. */
const inZsh = (text: string) => text.replace(/[[\]:\\]/g, '\\$&');

function zsh(commands: readonly DescribedCommand[]): string {
  const listed = commands.map(({ name, description }) => `    ${quoted(`${name}:${inZsh(description)}`)}`);
  const cases = commands.map(({ name, options, choices }) => {
    const specs = options.map(({ flag, description, takesValue, choices: of }) => {
      const value = of.length > 0 ? `:value:(${of.join(' ')})` : takesValue ? ':value:_files' : '';
      return `        ${quoted(`*${flag}[${inZsh(description)}]${value}`)}`;
    });
    const rest = choices.length > 0 ? `'1:value:(${choices.join(' ')})'` : "'*:file:_files'";
    return [
      `    ${name})`,
      '      _arguments \\',
      ...specs.map((spec) => `${spec} \\`),
      `        ${rest} ;;`,
    ].join('\n');
  });
  return `#compdef moepress
# Completion of moepress for zsh.
_moepress() {
  local -a commands
  commands=(
${listed.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
    help) _describe 'command' commands ;;
  esac
}
if [ "$funcstack[1]" = "_moepress" ]; then _moepress "$@"; else compdef _moepress moepress; fi
`;
}

/** A text within single quotes, for fish. */
const inFish = (text: string) => `'${text.replace(/['\\]/g, '\\$&')}'`;

function fish(commands: readonly DescribedCommand[]): string {
  const lines = commands.flatMap(({ name, description, options, choices }) => [
    `complete -c moepress -n __fish_use_subcommand -f -a ${name} -d ${inFish(description)}`,
    ...(choices.length > 0
      ? [`complete -c moepress -n '__fish_seen_subcommand_from ${name}' -f -a ${inFish(choices.join(' '))}`]
      : []),
    ...options.map(({ flag, description: what, takesValue, choices: of }) =>
      [
        `complete -c moepress -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`,
        ...(of.length > 0 ? [`-x -a ${inFish(of.join(' '))}`] : takesValue ? ['-r'] : []),
        `-d ${inFish(what)}`,
      ].join(' '),
    ),
  ]);
  return `# Completion of moepress for fish.\n${lines.join('\n')}\n`;
}
