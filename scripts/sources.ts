import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'rolldown';

/** The condition under which the packages export their sources. */
export const sourceCondition = '@moepress/source';

/** The address of a script beside the module, which a worker thread or a process of its own runs. */
const script = /new URL\(\s*(['"])(\.{1,2}\/[^'"]+\.js)\1,\s*import\.meta\.url\s*\)/g;

/**
 * Lets worker threads and processes that tests start run the sources, too: Node 20 loads no TypeScript, so what a module
 * names by `new URL('./thread.js', import.meta.url)` is bundled from `thread.ts` when that module is loaded.
 * `bundles` holds what is bundled already, by source file.
 */
export function scriptsFromSources(bundles = new Map<string, Promise<Bundle>>()): Plugin {
  return {
    name: 'moepress:scripts-from-sources',
    async transform(code, id) {
      const file = id.split('?')[0]!;
      let changed = code;
      for (const [whole, , specifier] of code.matchAll(script)) {
        const source = resolve(dirname(file), specifier!.replace(/\.js$/, '.ts'));
        if (!existsSync(source)) continue;
        const bundle = await bundleOf(source, bundles);
        for (const input of bundle.inputs) this.addWatchFile(input);
        changed = changed.replace(whole!, `new URL(${JSON.stringify(bundle.url)})`);
      }
      return changed === code ? null : { code: changed, map: null };
    },
  };
}

interface Bundle {
  readonly url: string;
  /** The files it was made of. */
  readonly inputs: readonly string[];
}

function bundleOf(source: string, bundles: Map<string, Promise<Bundle>>): Promise<Bundle> {
  const known = bundles.get(source);
  if (known) return known;
  const made = bundle(source, bundles);
  bundles.set(source, made);
  return made;
}

async function bundle(source: string, bundles: Map<string, Promise<Bundle>>): Promise<Bundle> {
  const inputs: string[] = [];
  const { output } = await build({
    input: source,
    platform: 'node',
    external: (name) => !/^[./]|^(@moepress\/|moepress$)/.test(name),
    resolve: {
      conditionNames: [sourceCondition, 'node', 'import', 'default'],
      extensionAlias: { '.js': ['.ts', '.js'] },
    },
    plugins: [scriptsFromSources(bundles), ownAddresses(inputs)],
    output: { format: 'esm', codeSplitting: false, sourcemap: 'inline' },
    write: false,
    logLevel: 'silent',
  });
  const [{ code }] = output;
  const file = join(cacheOf(source), `${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`);
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, code);
    renameSync(`${file}.${process.pid}`, file);
  }
  return { url: pathToFileURL(file).href, inputs };
}

/** What a bundled module finds beside itself stays where its source is. Adds the modules that it sees to `inputs`. */
const ownAddresses = (inputs: string[]): Plugin => ({
  name: 'moepress:own-addresses',
  transform: (code, id) => {
    // What the bundler itself adds has no path.
    if (isAbsolute(id)) inputs.push(id);
    const changed = code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href));
    return changed === code ? null : { code: changed, map: null };
  },
});

/** A folder inside the package, from which its dependencies are found. */
function cacheOf(source: string): string {
  const folder = dirname(source);
  return existsSync(join(folder, 'package.json'))
    ? join(folder, 'node_modules', '.cache', 'sources')
    : cacheOf(folder);
}
