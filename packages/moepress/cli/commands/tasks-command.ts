import { type FoundTasks, searchTasks } from '../../src/lists.js';
import { includePathOption, jsonOption, pluginOption } from '../command-options.js';
import type { Define } from '../context.js';
import { nextText } from '../text/next-text.js';
import { formatTable } from '../text/table.js';

export const define: Define = (command, context) =>
  command
    .argument('[search]', 'part of a name or tag, or a pattern such as arc_*')
    .addOption(includePathOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .action(async (search: string | undefined, { includePath, ...flags }) => {
      const { plugins, print, note, work } = await context(flags);
      const found = await searchTasks({ search, includePath, plugins, signal: work.signal });
      print(renderTasks(found), found);
      const [first] = found.tasks;
      if (first) note(nextText([[`moepress eval <model> --tasks ${first.name}`, 'score a model on it']]));
    });

/** A line for each task, group and tag, and how many there are. */
export function renderTasks({ tasks, broken }: FoundTasks): string {
  const columns = ['Name', 'Kind', 'Asked for', 'Tags', 'Plugin'].map((title) => ({ title }));
  const rows = tasks.map(({ name, kind, outputType, tags, package: plugin }) => [
    name,
    kind,
    outputType ?? '',
    tags.join(', '),
    plugin ?? '',
  ]);
  const count = (kind: string) => tasks.filter((task) => task.kind === kind).length;
  return [
    ...(rows.length > 0 ? [formatTable(columns, rows), ''] : []),
    `${count('task')} tasks, ${count('group')} groups, ${count('tag')} tags`,
    ...broken.map(({ file, reason }) => `Not read: ${file}: ${reason}`),
  ].join('\n');
}
