import { defineConfig } from 'vitest/config';
import { findShared } from './scripts/shared.js';

const shared = findShared();

export default defineConfig({
  test: {
    include: ['{packages,plugins}/*/src/**/*.test.ts', 'harness/src/**/*.test.ts', 'scripts/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: shared === undefined ? {} : { MOEPRESS_SHARED: shared },
  },
});
