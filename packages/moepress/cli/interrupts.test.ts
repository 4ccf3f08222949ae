import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

/** A process that listens, and otherwise does not care. */
const script = `
  import { listenForInterrupts } from ${JSON.stringify(new URL('./interrupts.js', import.meta.url).href)};
  const { signal } = listenForInterrupts((message) => console.log(message));
  signal.addEventListener('abort', () => console.log('stopping'));
  setInterval(() => {}, 1000);
  console.log('ready');
`;

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops tidily, says so if it takes long, and the second at once',
  async (name) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    const next = async () => String((await once(child.stdout, 'data'))[0]);
    expect(await next()).toBe('ready\n');
    child.kill(name);
    expect(await next()).toBe('stopping\n');
    expect(await next()).toContain('Ctrl-C again');
    child.kill(name);
    expect(await once(child, 'exit')).toEqual([null, name]);
  },
);
