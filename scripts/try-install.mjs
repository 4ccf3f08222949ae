/**
 * Installs what would be published into empty projects, as users do, and uses it there:
 *
 *     npm run build && npm run clean && node scripts/try-install.mjs [scenario ...] [--open] [--demo]
 *
 * All packages are packed and served by a registry on this machine. Without `--open` the projects have no network but that
 * registry (Linux: `unshare`), so that a dependency which fetches from elsewhere fails. `--demo` runs the whole demo.
 * Takes some minutes. Prints a line per scenario and exits with 1 if one fails; the folder of all is then kept.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packAll } from './try-install/pack.mjs';
import { Project } from './try-install/project.mjs';
import { startRegistry } from './try-install/registry.mjs';
import { scenarios } from './try-install/scenarios.mjs';

const isWindows = process.platform === 'win32';
const root = fileURLToPath(new URL('..', import.meta.url));
const options = { open: { type: 'boolean' }, demo: { type: 'boolean' }, inside: { type: 'string' } };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
process.exitCode = values.inside ? await tryAll(values.inside) : await serveAndTry();

/** Packs and serves everything, and starts this script again where there is no network. */
async function serveAndTry() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'moepress-try-')));
  const upstream = spawnSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    shell: isWindows,
  }).stdout.trim();
  console.log('Packing ...');
  const server = await startRegistry(packAll(root, join(folder, 'packed')), {
    socket: socketIn(folder),
    upstream,
  });
  const self = [
    process.execPath,
    fileURLToPath(import.meta.url),
    '--inside',
    folder,
    ...process.argv.slice(2),
  ];
  // In a network of its own, whose loopback has to be started.
  const apart = ['unshare', '--net', '--map-root-user', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  const [command, ...args] = values.open || process.platform !== 'linux' ? self : [...apart, ...self];
  const child = spawn(command, args, { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
  server.close();
  server.closeAllConnections();
  if (code === 0) rmSync(folder, { recursive: true });
  else console.log(`Kept: ${folder}`);
  return code;
}

/** Returns the exit code. */
async function tryAll(folder) {
  const bridge = createServer((client) => {
    const registry = connect(socketIn(folder));
    client.pipe(registry).pipe(client);
    for (const end of [client, registry]) end.on('error', () => end.destroy());
  });
  await new Promise((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const registry = `http://127.0.0.1:${bridge.address().port}/`;
  let failed = 0;
  for (const [name, run] of Object.entries(scenarios)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const started = performance.now();
    const project = new Project(join(folder, name), { registry, cache: join(folder, 'npm-cache') });
    const problem = await run(project, { ...values, packed: join(folder, 'packed') }).then(
      () => null,
      (error) => error,
    );
    if (problem) failed++;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(
      `${problem ? 'FAILED' : 'ok    '} ${name} (${seconds} s)${problem ? `\n${problem.message}` : ''}`,
    );
  }
  bridge.close();
  return failed > 0 ? 1 : 0;
}

function socketIn(folder) {
  return isWindows ? `\\\\.\\pipe\\${folder.replace(/\W/g, '-')}` : join(folder, 'registry.sock');
}
