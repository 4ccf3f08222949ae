/** A name of a file in backquotes. */
const named = /`([\w/.-]+\.(?:ya?ml|json|js|txt))`/;

/** Fenced code with its language, and the paragraph right before it, which is empty where other code stands there. */
function fencesOf(guide) {
  const fences = [];
  let [open, paragraph] = [null, ''];
  for (const line of guide.split('\n')) {
    if (open !== null && line === '```') {
      fences.push(open);
      [open, paragraph] = [null, ''];
    } else if (open !== null) {
      open.lines.push(line);
    } else if (line.startsWith('```')) {
      open = { language: line.slice(3), paragraph, lines: [] };
    } else if (line !== '') {
      paragraph = paragraph.endsWith('\n\n') ? `${line}\n` : `${paragraph}${line}\n`;
    } else if (paragraph !== '') {
      paragraph = `${paragraph.trimEnd()}\n\n`;
    }
  }
  return fences;
}

/** The parts of a guide that its reader does: files that are saved and commands that are run, in order. */
export function stepsOf(guide) {
  return fencesOf(guide).flatMap(({ language, paragraph, lines }) => {
    const code = lines.join('\n');
    if (language === 'sh') return [{ kind: 'commands', code }];
    const [, file] = named.exec(paragraph) ?? [];
    // What a command prints, or an example of something else.
    return language === '' || file === undefined ? [] : [{ kind: 'file', file, code }];
  });
}

/** All of it as a script for a shell. `installs`: whether the clone is made too. */
export function sessionOf(guide, { installs }) {
  return stepsOf(guide)
    .filter((step) => installs || !step.code.startsWith('git clone'))
    .map((step) =>
      step.kind === 'commands'
        ? step.code
        : `mkdir -p "$(dirname '${step.file}')"\ncat > '${step.file}' <<'END_OF_FILE'\n${step.code}\nEND_OF_FILE`,
    )
    .join('\n');
}
