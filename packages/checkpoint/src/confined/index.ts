export {
  type ConfinedBounds,
  ConfinedError,
  type ConfinedReason,
  ConfinedThread,
} from './confined-thread.js';
export { answerConfined, type ConfinedTasks, lowerPriority } from './confined-worker.js';
