import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkSandbox, runProgram } from './run-program.js';

const canRun = await checkSandbox().then(
  () => true,
  () => false,
);

/** Processes of the machine that have this text among their arguments or variables. */
async function processesWith(text: string): Promise<number> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const given = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return given.filter((line) => line.includes(text)).length;
}

describe.runIf(canRun)('a program that a model wrote', () => {
  // Other tests run programs at the same time.
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'moepress-programs-'));
    await chmod(folder, 0o755);
    vi.stubEnv('TMPDIR', folder);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it('runs, and is told by its exit', async () => {
    expect(await runProgram('import math\nprint(math.comb(5, 2))')).toEqual({ status: 0, output: '10\n' });
    expect(await runProgram('assert 1 + 1 == 3')).toMatchObject({
      status: 1,
      output: expect.stringContaining('AssertionError'),
    });
    expect((await runProgram('def f(:')).status).toBe(1);
  });

  it('ends when its time is over, with all that it has started', async () => {
    const loop = "import os, sys\nos.setsid()\nos.execv('/usr/bin/sleep', ['sleep', '987654'])";
    expect((await runProgram('while True: pass', { seconds: 1 })).status).not.toBe(0);
    expect((await runProgram(loop, { seconds: 1 })).status).not.toBe(0);
    const child = `import os, time\nif os.fork() == 0:\n ${loop.replaceAll('\n', '\n ')}\ntime.sleep(99)`;
    expect((await runProgram(child, { seconds: 1 })).status).not.toBe(0);
    expect(await processesWith('987654')).toBe(0);
  });

  it('is ended with the process group of what it left behind, where it ends first', async () => {
    const leaves =
      "import os\nif os.fork() == 0:\n os.setsid()\n os.execv('/usr/bin/sleep', ['sleep', '876543'])";
    expect((await runProgram(leaves)).status).toBe(0);
    expect(await processesWith('876543')).toBe(0);
  });

  it.each([
    ['forks without end', 'import os\nwhile True: os.fork()', /BlockingIOError/],
    ['takes 10 GB', 'x = bytearray(10 ** 10)', /MemoryError/],
    ['fills the disk', "open('/tmp/x', 'wb').write(bytes(2 ** 26))", /Error/],
    ['reads files outside', "open('/etc/passwd').read()", /FileNotFoundError/],
    ['reads its parents', "open('/proc/1/root/etc/passwd').read()", /Error/],
    ['writes outside', "open('/usr/x', 'w')", /Read-only/],
    [
      'opens a socket',
      "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)",
      /OSError|Refused|unreachable/,
    ],
    [
      'mounts',
      "import subprocess\nsubprocess.run(['mount', '-t', 'tmpfs', 'none', '/tmp'], check=True)",
      /CalledProcess/,
    ],
  ])('gets nowhere if it %s', async (_, program, error) => {
    const { status, output } = await runProgram(program, { seconds: 8 });
    expect(status).not.toBe(0);
    expect(output).toMatch(error);
  });

  it('leaves no folder, and does not hold a run that is aborted', async () => {
    const stop = new AbortController();
    const running = runProgram('while True: pass', {}, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 200);
    await expect(running).rejects.toThrow('enough');
    expect(await readdir(tmpdir())).toEqual([]);
  });
});
