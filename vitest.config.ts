import { defineConfig } from 'vitest/config';
import { findShared } from './scripts/shared.js';

export default defineConfig({
  test: {
    include: [
      '{packages,plugins}/*/src/**/*.test.ts',
      '{harness,benchmarks}/src/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Set even if empty: a variable of the user that names no such folder must not reach the tests.
    env: { MOEPRESS_SHARED: findShared() },
  },
});
