import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBound } from './bound.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'moepress-cgroup-'));
  mkdirSync(join(root, 'own'));
  writeFileSync(join(root, 'self'), '1:cpu:/elsewhere\n0::/own\n');
});
afterEach(() => rmSync(root, { recursive: true }));

/** Control groups as the system shows them: files of a controller appear with the group. */
const places = (files: readonly string[]) => ({
  root,
  self: join(root, 'self'),
  make(group: string) {
    mkdirSync(group);
    for (const file of files) writeFileSync(join(group, file), '');
  },
  remove: (group: string) => rmSync(group, { recursive: true }),
});

describe('openBound', () => {
  it('bounds a group of its own where memory is handed down', () => {
    const bound = openBound(5000, places(['memory.max', 'memory.swap.max', 'memory.events', 'cgroup.procs']));
    const group = join(root, 'own', `moepress-bench-${process.pid}`);
    expect(bound.by).toBe('cgroup');
    expect(readFileSync(join(group, 'memory.max'), 'utf8')).toBe('5000');
    expect(readFileSync(join(group, 'memory.swap.max'), 'utf8')).toBe('0');
    bound.admit(42);
    expect(readFileSync(join(group, 'cgroup.procs'), 'utf8')).toBe('42');
    writeFileSync(join(group, 'memory.events'), 'max 3\noom 0\noom_kill 0\n');
    expect(bound.struck()).toBe(false);
    writeFileSync(join(group, 'memory.events'), 'max 3\noom 1\noom_kill 1\n');
    expect(bound.struck()).toBe(true);
    bound.release();
    expect(existsSync(group)).toBe(false);
  });

  it('bounds one beside its own where its own may not be divided', () => {
    const handed = places(['memory.max', 'cgroup.procs']);
    const bound = openBound(5000, {
      ...handed,
      make(group) {
        if (group.startsWith(join(root, 'own'))) throw new Error('EBUSY');
        handed.make(group);
      },
    });
    expect(bound.by).toBe('cgroup');
    expect(existsSync(join(root, `moepress-bench-${process.pid}`, 'memory.max'))).toBe(true);
  });

  it('is watched where memory is not handed down, and leaves no group', () => {
    expect(openBound(5000, places(['cgroup.procs'])).by).toBe('watched');
    expect(existsSync(join(root, 'own', `moepress-bench-${process.pid}`))).toBe(false);
  });

  it('is watched where groups are of version 1, or may not be made', () => {
    const self = join(root, 'version-1');
    writeFileSync(self, '4:memory:/own\n');
    expect(openBound(5000, { ...places([]), self, make: () => expect.unreachable() }).by).toBe('watched');
    const forbidden = () => {
      throw new Error('EACCES');
    };
    expect(openBound(5000, { ...places([]), make: forbidden }).by).toBe('watched');
  });
});
