/** What a template refuses, or what is refused of it: also whatever is not done just as jinja2 does it. */
export class TemplateError extends Error {
  override readonly name: string = 'TemplateError';
}

/** A template took more steps than it may. */
export class TooManySteps extends TemplateError {
  override readonly name = 'TooManySteps';

  constructor() {
    super('the template takes too many steps');
  }
}
