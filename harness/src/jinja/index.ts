import { parseTemplate } from './parser.js';
import { Renderer } from './render.js';
import { textOf } from './value-text.js';
import { fromJson } from './values.js';

export { TemplateError, TooManySteps } from './template-error.js';

/** A template that was read. */
export interface Template {
  /**
   * Its text for variables of JSON values; undefined ones are not defined. `now`: the time that `strftime_now` tells.
   * `steps`: how many it may take, as many as any conversation needs by default. Throws `TemplateError`, `TooManySteps`
   * among them.
   */
  render(variables: Readonly<Record<string, unknown>>, now?: Date, steps?: number): string;
}

/**
 * Reads a chat template, to be written just as jinja2 writes it, set up as transformers sets it up: in a sandbox, with
 * `trim_blocks`, `lstrip_blocks`, loop controls, `tojson`, `raise_exception` and `strftime_now`. What cannot be done
 * just so is refused, and so is what takes more steps or memory than a conversation needs. Throws `TemplateError`.
 */
export function compileTemplate(source: string): Template {
  return compiled(source, false);
}

/**
 * Reads a template of a task, set up as `apply_template` of lm-evaluation-harness 0.4.13 (utils.py) sets jinja2 up: all
 * line breaks stay, and a name that is not defined may only be asked whether it is. Throws `TemplateError`.
 */
export function compileTaskTemplate(source: string): Template {
  return compiled(source, true);
}

function compiled(source: string, isTask: boolean): Template {
  const body = parseTemplate(source, isTask);
  return {
    render(variables, now = new Date(), steps) {
      const context = Object.entries(variables).filter(([, value]) => value !== undefined);
      return new Renderer(steps, isTask).render(
        body,
        context.map(([name, value]) => [name, fromJson(value)] as const),
        now,
      );
    },
  };
}

/** `str(value)` of a JSON value in Python. */
export const pythonText = (json: unknown): string => textOf(fromJson(json));
