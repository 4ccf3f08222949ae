import { z } from 'zod';

/** Index of the right one of two choices. */
export const binaryLabel = z.int().min(0).max(1);
