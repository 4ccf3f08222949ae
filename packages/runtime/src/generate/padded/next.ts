import { type Layout, layOut } from '../../forward/layout.js';
import type { Decoding } from '../decoding.js';

/** What the next step computes: the prompts, then the newest token of each sequence. */
export function nextLayout({ indices, newest, past }: Decoding, prompts: Layout): Layout {
  if (!newest) return prompts;
  return layOut(
    indices.map((index, b) => ({ index, ids: [newest[b]!] })),
    { starts: past },
  );
}
