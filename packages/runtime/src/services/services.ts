import type { Services } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { gram } from './gram.js';

/** What methods may ask of an engine. */
export function engineServices(engine: Engine): Services {
  return { gram: (tensors, work) => gram(engine, tensors, work) };
}
