/** Removes what was built of sources that are gone, so that it is not published: tsc and turbo leave it where it is. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publishedFolders } from './try-install/pack.mjs';

/** Files under `dist` that tsc would not write there now, because their source is gone or elsewhere. */
export function staleIn(folder) {
  const dist = join(folder, 'dist');
  if (!existsSync(dist)) return [];
  const { compilerOptions } = JSON.parse(readFileSync(join(folder, 'tsconfig.json'), 'utf8'));
  return readdirSync(dist, { recursive: true }).flatMap((file) => {
    const [, stem] = /^(.*?)\.(?:js|d\.ts)(?:\.map)?$/.exec(file) ?? [];
    const isStale = stem !== undefined && !existsSync(join(folder, compilerOptions.rootDir, `${stem}.ts`));
    return isStale ? [join(dist, file)] : [];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stale = publishedFolders(fileURLToPath(new URL('..', import.meta.url))).flatMap(staleIn);
  for (const file of stale) rmSync(file, { force: true });
  if (stale.length > 0) console.log(`${stale.length} files of sources that are gone were removed.`);
}
