/** The thread in which chat templates are rendered: they are a stranger's, and may take long. */
import { answerConfined } from '@moepress/checkpoint/confined';
import { compileTemplate, type Template, TemplateError } from './index.js';

/** What the thread is given. */
export interface TemplateData {
  readonly source: string;
}

/** A text, or what the template refuses. */
export type Rendered = { readonly text: string } | { readonly refusal: string };

answerConfined(({ source }: TemplateData) => {
  let compiled: Template | null = null;
  return {
    render(variables: Readonly<Record<string, unknown>>): Rendered {
      try {
        compiled ??= compileTemplate(source);
        return { text: compiled.render(variables) };
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        return { refusal: error.message };
      }
    },
  };
});
