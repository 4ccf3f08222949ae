export { type SharedJobs, shareJobs } from './share.js';
