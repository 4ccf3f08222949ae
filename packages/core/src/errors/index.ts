/** What is loaded in a moment: for threads that start often. */
export * from '../json.js';
export * from './catalogue.js';
export * from './error.js';
export * from './lfs.js';
export * from './shown.js';
export * from './suggest.js';
