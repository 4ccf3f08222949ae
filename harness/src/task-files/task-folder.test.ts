import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTaskFile } from './read-task-file.js';
import { openTaskFolder } from './task-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'moepress-tasks-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

const read = (name: string) => readTaskFile(path.join(folder, name), folder);

describe('a task file', () => {
  it('takes what it does not say itself from those it includes, the last one first', async () => {
    write({
      'sub/a.yaml': 'include: [../one, ../two]\ntask: a\nx: own',
      one: 'x: one\ny: one\nz: one\nf: !function utils.f\ntask_list: [1]',
      two: 'y: two',
    });
    expect(await read('sub/a.yaml')).toEqual({
      x: 'own',
      y: 'two',
      z: 'one',
      f: { '!function': 'utils.f', folder: expect.stringMatching(/moepress-tasks-\w+$/) },
      task: 'a',
    });
  });

  it('includes nothing without an end, and nothing that lies elsewhere', async () => {
    write({ 'a.yaml': 'include: b.yaml', 'b.yaml': 'include: a.yaml', 'c.yaml': 'include: /etc/hostname' });
    await expect(read('a.yaml')).rejects.toMatchObject({ code: 'TASK_INVALID' });
    await expect(read('c.yaml')).rejects.toThrow('outside the folder');
    symlinkSync('/etc/hostname', path.join(folder, 'd.yaml'));
    await expect(read('d.yaml')).rejects.toThrow('outside the folder');
    await expect(read('none.yaml')).rejects.toThrow('no such file');
  });

  it.each([
    ['- a list', 'keys and their values'],
    ['a: [', 'not valid YAML'],
    [`a: ${'['.repeat(600)}`, 'nests too deep'],
    [`a: ${'x'.repeat(1024 * 1024)}`, 'at most'],
    ['include: 5', '`include` names a file'],
  ])('is refused: %.20j', async (text, problem) => {
    write({ 'a.yaml': text });
    const refused = read('a.yaml');
    await expect(refused).rejects.toMatchObject({ code: 'TASK_INVALID' });
    await expect(refused).rejects.toThrow(problem);
  });

  it('is no pipe, whose writer would be waited for', async () => {
    execFileSync('mkfifo', [path.join(folder, 'a.yaml')]);
    await expect(read('a.yaml')).rejects.toThrow('not a file');
  });
});

describe('a folder of task files', () => {
  it('has the names of tasks, groups and tags', async () => {
    write({
      'a.yaml': 'include: base\ntask: a # the first',
      'b.yaml': '"include": base\n"task": "b"\ntag:\n  - x\n  - y',
      'c.yaml': 'group: c\ntask: [a, b]',
      'd.yaml': 'class: !function task.D\ntask: d\ngroup: old',
      'e/e.yaml': 'task: >-\n  folded\ntag: null',
      'f/a.yaml': 'task: a\noutput_type: generate_until',
      base: 'tag: x\noutput_type: multiple_choice',
      'broken.yaml': 'task: [',
      '__pycache__/g.yaml': 'task: g',
    });
    const { entries, broken } = await openTaskFolder(folder);
    expect([...entries.values()].map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'task a',
      'task b',
      'group c',
      'task d',
      'task folded',
      'tag x',
      'tag y',
    ]);
    expect(entries.get('a')).toMatchObject({ outputType: 'multiple_choice', tags: ['x'] });
    expect(entries.get('x')).toMatchObject({ tasks: ['a', 'b'] });
    expect(entries.get('d')).toMatchObject({ isPython: true });
    expect(broken).toMatchObject([{ reason: expect.stringContaining('not valid YAML') }]);
  });

  it('is there', async () => {
    await expect(openTaskFolder(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'TASK_INVALID' });
  });
});
