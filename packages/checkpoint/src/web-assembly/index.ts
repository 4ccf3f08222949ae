export { assemble, FunctionWriter, type Local, mostPages } from './assembler.js';
export { type SharedMemory, webAssembly } from './web-assembly.js';
