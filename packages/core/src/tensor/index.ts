export * from './dtype.js';
export * from './expr.js';
export * from './ggml/index.js';
export * from './small-floats.js';
