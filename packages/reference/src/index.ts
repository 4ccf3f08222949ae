export { type Row, type SharedDataset, sharedDatasets } from './datasets.js';
export { dataFolder, jsonLines, unpacked } from './files.js';
