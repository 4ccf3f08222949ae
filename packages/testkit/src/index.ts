export type { Check, ConformanceOptions } from './checks/check.js';
export { checksOf, conformance, type RegisterTest } from './conformance.js';
export { closeEngines } from './toys/engines.js';
export { openToy, type ToyName, toyNames, toyTexts } from './toys/open-toys.js';
