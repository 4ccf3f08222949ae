import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { examples } from './examples.js';
import { flagNames } from './flags.js';
import { commandNames, createProgram } from './program.js';

const context = () => Promise.reject(new Error('Nothing is run.'));
const programFor = (argv: readonly string[]) =>
  createProgram({ version: '0', argv: ['node', 'moepress', ...argv], json: false, context });
const named = (program: Command, name: string) => program.commands.find((one) => one.name() === name)!;

/** Help as it is printed, with what stands below it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });
  command.outputHelp();
  return text;
}

describe('help', () => {
  it.each(['', ...commandNames])('of moepress %s has examples and stays within 80 columns', async (name) => {
    const program = await programFor([name]);
    const text = helpOf(name === '' ? program : named(program, name));
    expect(text).toMatch(/Examples?:\n {2}moepress /);
    expect(text.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
  });

  it('shows first what is required, and in the usage', async () => {
    const text = helpOf(named(await programFor(['refine']), 'refine'));
    expect(text).toContain(
      'Usage: moepress refine <model> --plan <file> --refiner <name> --train <set>\n                --out <dir> [options]',
    );
    expect(text).toMatch(/Required:\n {2}--plan <file>(.|\n)*Options:\n(.|\n)*Where things are:/);
  });

  it('groups the commands', async () => {
    expect(helpOf(await programFor([]))).toMatch(/Begin here:\n(.|\n)*Score and compare:\n {2}eval <model>/);
  });
});

describe('examples', () => {
  const lines = Object.values(examples)
    .flat()
    .map((line) => line.replace(/\\\n\s+/g, '').replace(/ > .*/, ''));

  it.each(lines)('%s', async (line) => {
    const args = (line.match(/"[^"]*"|\S+/g) ?? []).slice(1).map((part) => part.replaceAll('"', ''));
    const command = named(await programFor(args), args[0]!);
    const { operands, unknown } = command.parseOptions(args.slice(1));
    expect(unknown).toEqual([]);
    const wanted = command.registeredArguments;
    expect(operands.length).toBeGreaterThanOrEqual(wanted.filter(({ required }) => required).length);
    expect(operands.length).toBeLessThanOrEqual(wanted.length);
    const missing = command.options.filter(
      (one) => one.mandatory && command.getOptionValue(one.attributeName()) === undefined,
    );
    expect(missing).toEqual([]);
  });
});

it('has the flags by which errors name the options of the library', async () => {
  const known = new Set<string>();
  for (const name of commandNames) {
    for (const { long } of named(await programFor([name]), name).options) known.add(long!);
  }
  expect(flagNames.filter((flag) => flag.startsWith('--') && !known.has(flag))).toEqual([]);
});
