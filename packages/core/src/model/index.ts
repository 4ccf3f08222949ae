/** Models and what is in them, without the schemas of plans and plugins, so that threads that start often load quickly. */
export * from './config.js';
export * from './linear.js';
export * from './mlp.js';
export * from './model.js';
export * from './recurrence.js';
export * from './sequence.js';
export * from './size.js';
export * from './slots.js';
export * from './tensors.js';
export * from './tokenizer.js';
export * from './walk.js';
