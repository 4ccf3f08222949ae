import { Argument } from 'commander';
import { completionScript, shells } from '../completion/completion-script.js';
import type { Define } from '../context.js';

export const define: Define = (command, context) =>
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell: (typeof shells)[number]) => {
      const { print, commands } = await context({});
      const text = completionScript(shell, await commands());
      print(text.trimEnd(), { shell, script: text });
    });
