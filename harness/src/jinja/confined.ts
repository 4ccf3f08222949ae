import { ConfinedError, ConfinedThread } from '@moepress/checkpoint/confined';
import { TemplateError, TooManySteps } from './template-error.js';
import type { Rendered, RenderTask, TemplateData } from './template-thread.js';

/** The thread's module; tests run a bundle of its source. */
const script = new URL('./template-thread.js', import.meta.url);

/** Milliseconds of processor time for starting the thread and reading a template; sound ones take some. */
const starting = 2000;

/** Megabytes of JavaScript's memory. */
const memory = 256;

export interface RenderOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds of processor time; 2000 by default. Sound templates take some. */
  readonly patience?: number | undefined;
  /** How many steps it may take, see `Template.render`. */
  readonly steps?: number | undefined;
}

/** A chat template that is rendered in a thread, bounded in time and memory, one conversation after the other. */
export interface ConfinedTemplate {
  /**
   * The text of a template for variables of JSON values, as `Template.render` has them. Throws `TemplateError` for what
   * the template refuses and for what was stopped, `TooManySteps` for more than it may take, and the reason of the signal.
   */
  render(variables: Readonly<Record<string, unknown>>, options?: RenderOptions): Promise<string>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/** A stranger's template. Its source is read when it is first rendered. `isBackground`: whether other threads come first. */
export function confineTemplate(source: string, { isBackground = false } = {}): ConfinedTemplate {
  const data: TemplateData = { source };
  const thread = new ConfinedThread(script, data, starting, { isBackground });
  return {
    async render(variables, { signal, patience = 2000, steps } = {}) {
      try {
        const task: RenderTask = { variables, steps };
        const rendered = await thread.ask<Rendered>('render', task, { patience, memory, signal });
        if ('text' in rendered) return rendered.text;
        throw rendered.isLong ? new TooManySteps() : new TemplateError(rendered.refusal);
      } catch (error) {
        if (!(error instanceof ConfinedError)) throw error;
        throw new TemplateError(error.message, { cause: error });
      }
    },
    close: () => thread.close(),
  };
}
