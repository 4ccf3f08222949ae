/** A command line that goes on from a result, and what it is for. */
export type NextStep = readonly [command: string, purpose: string];

/** What to do next, as lines that may be pasted into a shell: the purpose is a comment there. */
export function nextText(steps: readonly NextStep[]): string {
  const width = Math.max(...steps.map(([command]) => command.length));
  const lines = steps.map(([command, purpose]) =>
    // A comment that would not fit beside a long command stands above it.
    width + purpose.length + 8 <= 80
      ? `  ${command.padEnd(width)}  # ${purpose}`
      : `  # ${purpose}\n  ${command}`,
  );
  return `\nNext:\n${lines.join('\n')}`;
}

/** A path or id as a shell takes it. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Tasks that tell something of a model within minutes. */
export const tasksFor = (base: string): string =>
  base === 'tiny' ? 'tiny_gsm,tiny_facts' : 'arc_easy,gsm8k';
