import type { Option } from 'commander';
import type { DescribedCommand, DescribedFlag } from './completion/described-command.js';
import { commandNames, createProgram } from './program.js';

/** All commands with their options, which loads each of their modules. */
export async function describeProgram(): Promise<DescribedCommand[]> {
  const described: DescribedCommand[] = [];
  for (const name of commandNames) {
    const argv = ['node', 'moepress', name];
    const context = () => Promise.reject(new Error('No command is run here.'));
    const program = await createProgram({ version: '', argv, json: false, context });
    const command = program.commands.find((one) => one.name() === name)!;
    described.push({
      name,
      description: command.description(),
      options: [...command.options.map(flagOf), help],
      choices: command.registeredArguments[0]?.argChoices ?? [],
    });
  }
  return described;
}

const help: DescribedFlag = { flag: '--help', description: 'show this help', takesValue: false, choices: [] };

const flagOf = ({ long, description, required, argChoices }: Option): DescribedFlag => ({
  flag: long!,
  // Shells show a line; what follows are details.
  description: description.split(/[;:(]|\. /)[0]!.trim(),
  takesValue: required,
  choices: argChoices ?? [],
});
