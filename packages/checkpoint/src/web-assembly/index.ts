export { assemble, FunctionWriter, type Local, mostPages } from './assembler.js';
export { runsProducts, type SharedMemory, webAssembly } from './web-assembly.js';
