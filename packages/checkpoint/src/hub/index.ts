export { fetchHubFiles, type HubSnapshot } from './fetch.js';
export type { HubFile, HubRepository } from './repository.js';
