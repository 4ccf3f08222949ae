export * from './constant.js';
export * from './dtype.js';
export * from './expr.js';
export * from './ggml/index.js';
export * from './in-format.js';
export * from './quantised.js';
export * from './quantised-types.js';
export * from './small-floats.js';
