/** What a manifest is written with, in a plugin as in this package: `@moepress/checkpoint/architectures`. */
export * from './common.js';
export * from './keys.js';
export * from './manifest.js';
