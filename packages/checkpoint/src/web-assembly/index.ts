export { assemble, FunctionWriter, mostPages } from './assembler.js';
export { type SharedMemory, webAssembly } from './web-assembly.js';
