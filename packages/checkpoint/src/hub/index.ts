export { fetchHubFiles, type HubSnapshot } from './fetch-files.js';
export type { HubFile, HubRepository } from './remote.js';
