export { ConfinedError, type ConfinedReason } from './error.js';
export { lowerPriority } from './priority.js';
export { type ConfinedBounds, ConfinedThread } from './thread.js';
export { answerConfined, type ConfinedTasks } from './worker.js';
