import { type Block, isRecurrent, type Model, MoepressError } from '@moepress/core';

/**
 * Whether a graph with a cache of keys and values can compute a model. Throws `CONFIG_UNSUPPORTED` for one whose blocks keep
 * something else of the tokens before.
 */
export function checkPortable({ blocks, id, architecture }: Model): void {
  for (const block of blocks) {
    const reason = hindrance(block);
    if (!reason) continue;
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `Layer ${block.index} of this ${architecture} model ${reason}, which the ONNX export has no cache for.`,
      where: id,
      hint: 'Write it as a Hugging Face checkpoint, or as another format whose engine knows the family.',
    });
  }
}

const recurrences = {
  'gated-delta-rule': 'has the state of a gated delta rule',
  'short-convolution': 'has the inputs of a short convolution',
  'state-space': 'has the state of a state space',
} as const;

function hindrance(block: Block): string | null {
  if (isRecurrent(block)) return recurrences[block.attention.kind];
  return null;
}
