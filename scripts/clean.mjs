/** Removes what was built of sources that are gone, so that it is not published: tsc and turbo leave it where it is. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publishedFolders } from './try-install/pack.mjs';

/** Files under `dist` whose map names a source that does not exist, and these maps. */
export function staleIn(folder) {
  const dist = join(folder, 'dist');
  if (!existsSync(dist)) return [];
  const maps = readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('.map'));
  return maps
    .map((map) => join(dist, map))
    .filter((map) => {
      const { sources } = JSON.parse(readFileSync(map, 'utf8'));
      return !sources.every((source) => existsSync(join(dirname(map), source)));
    })
    .flatMap((map) => [map, map.replace(/\.map$/, '')]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stale = publishedFolders(fileURLToPath(new URL('..', import.meta.url))).flatMap(staleIn);
  for (const file of stale) rmSync(file, { force: true });
  if (stale.length > 0) console.log(`${stale.length} files of sources that are gone were removed.`);
}
