/** The thread for what task files hold: their YAML, templates and patterns are a stranger's, and may take long. */
import { answerConfined } from '@moepress/checkpoint/confined';
import { type AnswersToScore, type ScoredAnswer, scoreAnswers } from '../metrics/score-answers.js';
import { parseTaskYaml, YamlError } from './parse-yaml.js';
import { FieldError, type RenderedFields, type RenderTask, renderFields } from './render-fields.js';

/** A value, or why there is none, as a clause. */
export type Outcome<Value> = { readonly value: Value } | { readonly refusal: string; readonly row?: number };

answerConfined(() => ({
  yaml(text: string): Outcome<unknown> {
    try {
      return { value: parseTaskYaml(text) };
    } catch (error) {
      if (error instanceof YamlError) return { refusal: error.message };
      throw error;
    }
  },
  render(task: RenderTask): Outcome<RenderedFields[]> {
    try {
      return { value: renderFields(task) };
    } catch (error) {
      if (error instanceof FieldError) return { refusal: error.message, row: error.index };
      throw error;
    }
  },
  score(asked: AnswersToScore): Outcome<ScoredAnswer[][]> {
    try {
      return { value: scoreAnswers(asked) };
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return { refusal: error.message };
      throw error;
    }
  },
}));
