/** What a template refuses, or what is refused of it: also whatever is not done just as jinja2 does it. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}
