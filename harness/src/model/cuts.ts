/** Counts prompts that lose tokens at their beginning, so that a context holds them. */
export interface Cuts {
  /** Notes a prompt of `length` tokens of which the last `kept` are read. */
  note(length: number, kept: number): void;
  /** One sentence if any prompt was cut. */
  warnings(): string[];
}

/** `maxLength`: tokens of the context, for the sentence. */
export function countCuts(maxLength: number): Cuts {
  let prompts = 0;
  let most = 0;
  return {
    note(length, kept) {
      if (length <= kept) return;
      prompts++;
      most = Math.max(most, length - kept);
    },
    warnings() {
      if (prompts === 0) return [];
      const which = prompts === 1 ? '1 prompt does' : `${prompts} prompts do`;
      return [
        `${which} not fit the context of ${maxLength} tokens and lost up to ${most} tokens at the beginning, as in lm-evaluation-harness.`,
      ];
    },
  };
}
