import {
  type DescribedMethod,
  type DescribedOption,
  describeMethods,
} from '../../src/methods/describe-methods.js';
import { jsonOption, pluginOption } from '../command-options.js';
import type { Define } from '../context.js';
import { formatTable } from '../text/table.js';

export const define: Define = (command, context) =>
  command
    .argument('[name]', 'the method or refiner whose options to show')
    .addOption(pluginOption())
    .addOption(jsonOption())
    .action(async (name: string | undefined, flags) => {
      const { plugins, print, work } = await context(flags);
      const methods = await describeMethods(name ?? null, { plugins, onProgress: work.onProgress });
      print(name === undefined ? renderMethods(methods) : methods.map(renderMethod).join('\n\n'), methods);
    });

/** A line for each method and refiner. */
export function renderMethods(methods: readonly DescribedMethod[]): string {
  const sections = (['method', 'refiner'] as const).flatMap((kind) => {
    const rows = methods.filter((one) => one.kind === kind).map((one) => [`  ${one.name}`, titleOf(one)]);
    const columns = [{ title: kind === 'method' ? 'Methods' : 'Refiners' }, { title: '' }];
    return rows.length === 0 ? [] : [formatTable(columns, rows)];
  });
  return [...sections, 'moepress methods <name> has the options of one.'].join('\n\n');
}

/** Plugins of others are named: what comes with moepress needs no word. */
const titleOf = ({ title, package: name }: DescribedMethod) =>
  name.startsWith('@moepress/') ? title : `${title} (${name})`;

/** A method with all its options. */
export function renderMethod({ name, kind, title, reference, options, ...of }: DescribedMethod): string {
  const columns = ['Option', 'Takes', 'Default', ''].map((column) => ({ title: column }));
  const rows = options.map((option) => [
    option.name,
    option.type,
    defaultText(option),
    option.description ?? '',
  ]);
  const heading = `${name} (${kind} of ${of.package}): ${title}\n${reference}`;
  return rows.length === 0 ? heading : `${heading}\n\n${formatTable(columns, rows)}`;
}

function defaultText(option: DescribedOption): string {
  if (option.default !== undefined) return JSON.stringify(option.default);
  return option.isRequired ? 'must be given' : 'none';
}
