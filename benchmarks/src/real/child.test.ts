import { describe, expect, it } from 'vitest';
import { run } from './child.js';

const megabyte = 2 ** 20;

/** Takes and touches so many megabytes, and holds them until it has been looked at. */
const hold = (megabytes: number) =>
  `const held = Buffer.alloc(${megabytes} * ${megabyte}, 1); setTimeout(() => process.stdout.write(String(held.length)), 500);`;
const node = (script: string, options = {}) => run(process.execPath, ['-e', script], options);

describe.runIf(process.platform === 'linux')('run', () => {
  it('measures memory, time and output', async () => {
    const ran = await node(hold(200));
    expect(ran).toMatchObject({ outcome: 'done', stdout: String(200 * megabyte), complaint: null, by: null });
    expect(ran.anonymous).toBeGreaterThan(200 * megabyte);
    expect(ran.anonymous).toBeLessThan(400 * megabyte);
    expect(ran.seconds).toBeGreaterThan(0.5);
    expect(ran.cpu).toBeGreaterThan(0);
  });

  it('counts what it starts', async () => {
    const script = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(hold(200))}]);`;
    expect((await node(script)).anonymous).toBeGreaterThan(200 * megabyte);
  });

  it('ends what goes beyond a bound, and only that', async () => {
    expect((await node(hold(300), { bound: 200 * megabyte })).outcome).toBe('out of memory');
    expect((await node(hold(50), { bound: 200 * megabyte })).outcome).toBe('done');
  });

  it('tells what a failing one said, and ends one that cannot be worked with', async () => {
    const failed = await node('console.error("no such thing"); process.exitCode = 3;');
    expect(failed).toMatchObject({ outcome: 'failed', complaint: 'no such thing' });
    const drive = async () => {
      throw new Error('it does not answer');
    };
    const endless = await node('setInterval(() => {}, 1000)', { drive });
    expect(endless).toMatchObject({ outcome: 'failed', complaint: 'Error: it does not answer' });
  });

  it('rejects where there is no such program', async () => {
    await expect(run('/nowhere/program', [])).rejects.toThrow('ENOENT');
  });
});
