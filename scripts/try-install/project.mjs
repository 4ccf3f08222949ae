import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A folder outside the repository in which a user works, whose npm knows one registry and has a cache of its own. */
export class Project {
  constructor(folder, { registry, cache, prefix = '' }) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.environment = {
      PATH: process.env.PATH,
      HOME: join(folder, '.home'),
      npm_config_registry: registry,
      npm_config_cache: cache,
      npm_config_userconfig: join(folder, '.home', '.npmrc'),
      npm_config_fund: 'false',
      npm_config_maxsockets: '4',
      npm_config_audit: 'false',
      npm_config_update_notifier: 'false',
      MOEPRESS_CACHE: join(folder, '.cache'),
      HF_HUB_OFFLINE: '1',
      ...(prefix && { npm_config_prefix: prefix }),
    };
  }

  /** Files by their paths, as text or as JSON. */
  write(files) {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
    }
    return this;
  }

  at(path) {
    const inner = Object.create(this);
    inner.folder = join(this.folder, path);
    mkdirSync(inner.folder, { recursive: true });
    return inner;
  }

  npm(...args) {
    return this.run('npm', args);
  }

  moepress(...args) {
    return this.run('npx', ['--no-install', 'moepress', ...args]);
  }

  /** Standard output; throws with all that was printed if the command fails. */
  async run(command, args = []) {
    try {
      const options = { cwd: this.folder, env: this.environment, maxBuffer: 2 ** 26 };
      const { stdout } = await execute(command, args, { ...options, shell: process.platform === 'win32' });
      return stdout;
    } catch (error) {
      throw new Error(`${command} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
    }
  }

  /** What a command that must fail prints on standard error. */
  async failing(command, args) {
    const said = await this.run(command, args).then(
      () => null,
      (error) => error.message,
    );
    if (said === null) throw new Error(`${command} ${args.join(' ')} succeeded, and should not have.`);
    return said;
  }
}
