/**
 * Checks what would be published: each package by the rules of publint, as it was built, and the release that the changesets make,
 * as `changeset status` does. Prints what is wrong and exits with 1, or says nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import releasePlan from '@changesets/get-release-plan';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { publishedFolders } from './try-install/pack.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const problems = [...(await problemsOfPackages()), ...(await problemsOfChangesets())];
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

async function problemsOfPackages() {
  const folders = publishedFolders(root);
  const withoutBuild = folders.filter((folder) => isBuilt(folder) && !existsSync(join(folder, 'dist')));
  if (withoutBuild.length > 0) {
    return [`${withoutBuild.map((folder) => relative(root, folder)).join(', ')}: npm run build first`];
  }
  const all = folders.map(async (folder) => {
    const { messages, pkg } = await publint({ pkgDir: folder, pack: false, level: 'warning' });
    return messages.map(
      (one) => `${relative(root, folder)}/package.json: ${formatMessage(one, pkg, { color: false })}`,
    );
  });
  return (await Promise.all(all)).flat();
}

function isBuilt(folder) {
  return 'build' in (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).scripts ?? {});
}

/** What `changeset status` says of them; it itself compares with a branch, which not every clone has. */
async function problemsOfChangesets() {
  try {
    const { releases } = await releasePlan(root);
    // Before 1.0 nobody means a major: it comes from a peer that is asked for by one version.
    const majors = releases
      .filter(({ type, oldVersion }) => type === 'major' && oldVersion.startsWith('0.'))
      .map(({ name }) => name);
    return majors.length > 0 ? [`.changeset: a major version of ${majors.join(', ')}`] : [];
  } catch (error) {
    return [`.changeset: ${error.message}`];
  }
}
