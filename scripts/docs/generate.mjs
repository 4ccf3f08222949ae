/**
 * Writes the reference pages of the site into docs/reference, from what was built: commands with their options, methods, tasks,
 * errors, and with `--api` the interfaces by TypeDoc, which takes half a minute. They are not kept in the repository.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeApiPages } from './api-pages.mjs';
import { commandsPage } from './command-pages.mjs';
import { errorsPage, methodsPage, tasksPage } from './list-pages.mjs';

const root = new URL('../../', import.meta.url);
const built = (path) => import(new URL(`packages/${path}`, root).href);

const program = await built('moepress/dist/cli/program.js');
const { describeMethods } = await built('moepress/dist/src/methods/describe-methods.js');
const { searchTasks } = await built('moepress/dist/src/lists.js');
const { errorCatalogue } = await built('core/dist/errors/catalogue.js');

const pages = {
  commands: await commandsPage(program),
  methods: methodsPage(await describeMethods()),
  'task-list': tasksPage(await searchTasks({})),
  errors: errorsPage(errorCatalogue),
};

const folder = new URL('docs/reference/', root);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(pages)) writeFileSync(new URL(`${name}.md`, folder), text);

if (process.argv.includes('--api'))
  writeApiPages(fileURLToPath(new URL('docs/', root)), fileURLToPath(folder));
