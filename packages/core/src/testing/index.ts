/** `@moepress/core/testing`: models, evidence, tools and plans for unit tests, without files or engine. */
export * from './toy-evidence.js';
export * from './toy-model.js';
export * from './toy-plan.js';
export * from './toy-tools.js';
