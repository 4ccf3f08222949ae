/** Reading the numbers of tensors, without the families, so that threads that start often load quickly. */
export { toFloat32 } from './float.js';
export { bytesOf, decodeFloat32, hasNonFinite } from './read-tensor.js';
export { Reading } from './reading.js';
