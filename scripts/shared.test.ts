import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findShared } from './shared.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-shared-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('findShared', () => {
  test('finds the folder that MOEPRESS_SHARED names', () => {
    mkdirSync(join(folder, 'golden'));
    expect(findShared({ MOEPRESS_SHARED: folder })).toBe(folder);
  });

  test('believes neither in a folder of other things nor in one that has gone', () => {
    expect(findShared({ MOEPRESS_SHARED: folder })).toBe('');
    rmSync(folder, { recursive: true });
    expect(findShared({ MOEPRESS_SHARED: folder })).toBe('');
  });

  test('can be told that there is none', () => {
    expect(findShared({ MOEPRESS_SHARED: '' })).toBe('');
  });
});
