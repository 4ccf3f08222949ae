import type { Load } from './serve-job.js';

/** The amount of work given to the commands. */
export interface Sizes {
  /** Documents of each kind of task. */
  readonly choice: number;
  readonly fewshot: number;
  readonly generate: number;
  readonly rolling: number;
  readonly leaderboard: number;
  /** Sequences and tokens of each, as `--calibration` and `--train` take them: two steps, since what AdamW remembers comes with the first. */
  readonly calibration: string;
  readonly training: string;
  readonly serve: Load;
}

/** Some minutes a shape. */
export const usual: Sizes = {
  choice: 150,
  fewshot: 40,
  generate: 4,
  rolling: 2,
  leaderboard: 20,
  calibration: '8x512',
  training: '16x128',
  serve: { clients: 8, requests: 3, promptTokens: 256, newTokens: 32 },
};

/** Enough to show how much memory is taken, in seconds per command. */
export const short: Sizes = {
  choice: 40,
  fewshot: 8,
  generate: 1,
  rolling: 1,
  leaderboard: 8,
  calibration: '2x256',
  training: '2x64',
  serve: { clients: 4, requests: 2, promptTokens: 128, newTokens: 8 },
};
