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

/** A line for each method. */
export function renderMethods(methods: readonly DescribedMethod[]): string {
  const columns = ['Name', 'Kind', 'What it does', 'Package'].map((title) => ({ title }));
  return formatTable(
    columns,
    methods.map((one) => [one.name, one.kind, one.title, one.package]),
  );
}

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
