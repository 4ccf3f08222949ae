import { beforeEach, expect, it, vi } from 'vitest';
import { availableMemory, defaultMemory } from './available.js';

const files = vi.hoisted(() => new Map<string, string>());
vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  readFileSync: (file: string) => {
    const text = files.get(file);
    if (text === undefined) throw Object.assign(new Error(file), { code: 'ENOENT' });
    return text;
  },
}));
vi.mock('@moepress/checkpoint', () => ({ anonymousMemory: () => 400 * 1024 }));
vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  freemem: () => 77,
}));

const machine = { '/proc/meminfo': 'MemTotal: 100 kB\nMemAvailable:   8000 kB\nCached: 1 kB\n' };
const has = (given: Record<string, string>) => {
  for (const [file, text] of Object.entries(given)) files.set(file, text);
};

beforeEach(() => files.clear());

it('is what the machine has left', () => {
  has(machine);
  expect(availableMemory()).toBe(8000 * 1024);
});

it('is what the system tells where there are no such files', () => {
  expect(availableMemory()).toBe(77);
});

it('is no more than any group above leaves, files in memory counted as free', () => {
  has({
    ...machine,
    '/proc/self/cgroup': '0::/outer/inner\n',
    '/sys/fs/cgroup/outer/inner/memory.max': 'max\n',
    '/sys/fs/cgroup/outer/inner/memory.current': '1000\n',
    '/sys/fs/cgroup/outer/memory.max': '5000\n',
    '/sys/fs/cgroup/outer/memory.current': '4500\n',
    '/sys/fs/cgroup/outer/memory.stat': 'anon 4100\nfile 300\n',
  });
  expect(availableMemory()).toBe(5000 - 4500 + 300);
});

it('is nothing where a group is full', () => {
  has({
    ...machine,
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/memory.max': '5000\n',
    '/sys/fs/cgroup/memory.current': '6000\n',
    '/sys/fs/cgroup/memory.stat': 'anon 6000\nfile 10\n',
  });
  expect(availableMemory()).toBe(0);
});

it('knows the first version of groups', () => {
  has({
    ...machine,
    '/proc/self/cgroup': '4:cpu,memory:/job\n3:pids:/other\n',
    '/sys/fs/cgroup/memory/job/memory.limit_in_bytes': '9000\n',
    '/sys/fs/cgroup/memory/job/memory.usage_in_bytes': '8000\n',
    '/sys/fs/cgroup/memory/job/memory.stat': 'cache 1\ntotal_cache 500\n',
  });
  expect(availableMemory()).toBe(1500);
});

it('takes half of it by default, on top of what the process has', () => {
  has(machine);
  expect(defaultMemory()).toBe((400 + 4000) * 1024);
});
