import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packAll } from '../try-install/pack.mjs';
import { Project } from '../try-install/project.mjs';
import { startRegistry } from '../try-install/registry.mjs';
import { shownFiles } from './command-lines.mjs';
import { knownLines } from './known-lines.mjs';

/** Where a contributor works: a clean clone, and folders outside it whose npm has the packages of the clone. */
export class Places {
  #root;
  #folder;
  #upstream;
  #server = null;
  #outside = null;

  static async open(root, folder) {
    const places = new Places();
    places.#root = root;
    places.#folder = folder;
    places.#upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
    const clone = join(folder, 'clone');
    if (!existsSync(clone)) execFileSync('git', ['clone', '--quiet', '--no-local', root, clone]);
    return places;
  }

  close() {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  /** The clone, with the cache and the environment of the user. */
  get clone() {
    const clone = new Project(join(this.#folder, 'clone'), {
      registry: this.#upstream,
      cache: join(this.#folder, 'cache'),
    });
    const { MOEPRESS_SHARED: _, ...environment } = process.env;
    clone.environment = {
      ...environment,
      MOEPRESS_CACHE: join(this.#folder, 'moepress-cache'),
      CI: 'true',
      NO_COLOR: '1',
    };
    return clone;
  }

  /** A folder beside the clone, with the environment of the user. */
  folder(name) {
    const folder = new Project(join(this.#folder, name), {
      registry: this.#upstream,
      cache: join(this.#folder, 'cache'),
    });
    folder.environment = process.env;
    return folder;
  }

  /** An empty folder, and a registry with what the clone packs, which has been built. */
  async outside() {
    if (this.#outside) return this.#outside;
    const clone = this.clone;
    if (!existsSync(join(clone.folder, 'node_modules'))) await clone.npm('ci');
    await clone.npm('run', 'build');
    await clone.npm('run', 'clean');
    const packages = packAll(clone.folder, join(this.#folder, 'packed'));
    this.#server = await startRegistry(packages, { socket: 0, upstream: this.#upstream });
    const registry = `http://127.0.0.1:${this.#server.address().port}/`;
    this.#outside = new Project(join(this.#folder, 'outside'), {
      registry,
      cache: join(this.#folder, 'cache'),
    });
    // Nobody is there to agree to what `npm create` downloads.
    this.#outside.environment = { ...this.#outside.environment, npm_config_yes: 'true', NO_COLOR: '1' };
    return this.#outside;
  }

  async #at(place) {
    if (place === 'clone') return this.clone;
    const outside = await this.outside();
    if (place === 'outside') return outside;
    const guide = outside.at('guide');
    const plugin = guide.at('moepress-plugin-loudest');
    if (!existsSync(join(plugin.folder, 'package.json')))
      plugin.write(shownFiles(this.#root, 'CONTRIBUTING.md'));
    return place === 'plugin' ? plugin : guide.at('project');
  }

  /** Does what is known of a line of a page. Throws with what was printed if it fails, or says something else. */
  async run(page, line, { whole }) {
    const known = knownLines[page]?.[line];
    assert.ok(known, 'known-lines.mjs does not say what to do with this line.');
    const place = await this.#at(known.at);
    if (known.by === 'watch') return this.#watch();
    if (known.by === 'fixture') return;
    const said =
      known.by === 'asking'
        ? await place.failing('sh', ['-c', `${line} < /dev/null`])
        : await place.run('sh', [
            '-c',
            `{ ${whole && known.by === undefined ? line : (known.short ?? line)}; } 2>&1`,
          ]);
    if (known.says) assert.match(said, known.says);
  }

  /** Tests run at once, and again after an edit, without a build. */
  async #watch() {
    const clone = this.clone;
    const file = join(clone.folder, 'plugins/baselines/src/scorers.ts');
    const child = spawn('npm', ['test', '--', '--watch', 'plugins/baselines'], {
      cwd: clone.folder,
      env: { ...clone.environment, CI: '', NO_COLOR: '1' },
      detached: true,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    const until = async (pattern) => {
      while (!pattern.test(said)) {
        assert.equal(child.exitCode, null, said);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    const text = readFileSync(file, 'utf8');
    try {
      await until(/Waiting for file changes/);
      assert.match(said, /Tests {2}\d+ passed/);
      said = '';
      writeFileSync(file, `${text}\nthrow new Error('A throw to be seen.');\n`);
      await until(/A throw to be seen/);
    } finally {
      writeFileSync(file, text);
      if (child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
    }
  }
}
