/** The thread in which chat templates are rendered: they are a stranger's, and may take long. */
import { answerConfined } from '@moepress/checkpoint/confined';
import { compileTemplate, type Template, TemplateError, TooManySteps } from './index.js';

/** What the thread is given. */
export interface TemplateData {
  readonly source: string;
}

/** What it is asked. */
export interface RenderTask {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly steps: number | undefined;
}

/** A text, or what the template refuses, by which it may be told that it only took too many steps. */
export type Rendered = { readonly text: string } | { readonly refusal: string; readonly isLong: boolean };

answerConfined(({ source }: TemplateData) => {
  let compiled: Template | null = null;
  return {
    render({ variables, steps }: RenderTask): Rendered {
      try {
        compiled ??= compileTemplate(source);
        return { text: compiled.render(variables, new Date(), steps) };
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        return { refusal: error.message, isLong: error instanceof TooManySteps };
      }
    },
  };
});
