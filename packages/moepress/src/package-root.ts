import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The folder of this package, for sources and for what is built from them, which lie at different depths. */
export const packageRoot: string = dirname(createRequire(import.meta.url).resolve('moepress/package.json'));

/** A file of this package, by its path from the package's folder. */
export const packageFile = (path: string): URL => pathToFileURL(join(packageRoot, path));

/** The version of this package. */
export const packageVersion = (): string =>
  JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version;
