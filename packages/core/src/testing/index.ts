/** `@moepress/core/testing`: models, evidence and plans for unit tests, without weights or engine. */
export * from './toy-evidence.js';
export * from './toy-model.js';
export * from './toy-plan.js';
