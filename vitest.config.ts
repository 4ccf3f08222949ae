import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { findShared } from './scripts/shared.js';
import { scriptsFromSources, sourceCondition } from './scripts/sources.js';

/** What the tests keep, away from the cache of whoever runs them. */
const cache = mkdtempSync(join(tmpdir(), 'moepress-tests-'));
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));

export default defineConfig({
  // Packages, their worker threads and child processes are tested as their sources are, without a build.
  plugins: [scriptsFromSources()],
  ssr: { resolve: { conditions: [sourceCondition, ...defaultServerConditions] } },
  test: {
    include: [
      '{packages,plugins}/*/src/**/*.test.ts',
      'packages/moepress/cli/**/*.test.ts',
      '{harness,benchmarks}/src/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Set even if empty: a variable of the user that names no such folder must not reach the tests.
    env: { MOEPRESS_SHARED: findShared(), MOEPRESS_CACHE: cache },
  },
});
