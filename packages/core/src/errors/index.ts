/** Errors only, without the rest of the package, so that threads that start often load quickly. */
export * from '../json.js';
export * from './catalogue.js';
export * from './error.js';
export * from './lfs.js';
export * from './shown.js';
export * from './suggest.js';
