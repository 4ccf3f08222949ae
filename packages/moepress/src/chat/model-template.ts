import { readSpecialTokens } from '@moepress/checkpoint';
import { MoepressError, type Progress } from '@moepress/core';
import { confineTemplate, type OpenedTemplate, TemplateError } from '@moepress/harness';
import { invalidOption } from '../check-options.js';
import { defaultName, readChatTemplates } from './template-files.js';

/** Milliseconds of processor time for one conversation. */
const patience = 10_000;

export interface TemplateChoice {
  /** The name of a template, or true for the one called "default". */
  readonly name: string | true;
  /** Further variables, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** What moepress itself gives a template. */
const own = ['messages', 'add_generation_prompt', 'continue_final_message', 'chat_template', 'tokenize'];

/**
 * Opens a chat template of a checkpoint folder, run as transformers runs it. Throws `INPUT_INVALID` if the folder has none, or
 * none of that name, and for variables that are not the user's to give; `TOKENIZER_MISSING` for damaged files. What it
 * renders with throws `CHAT_TEMPLATE_FAILED` for a template that takes too long.
 */
export async function openModelTemplate(
  directory: string,
  { name, variables = {} }: TemplateChoice,
  progress?: Progress,
): Promise<OpenedTemplate> {
  const taken = own.find((key) => Object.hasOwn(variables, key));
  if (taken !== undefined) {
    throw invalidOption({ where: `chatTemplateArgs.${taken}`, value: variables[taken] }, 'no such argument');
  }
  const source = chosen(await readChatTemplates(directory), name, { directory, progress });
  const specials = await readSpecialTokens(directory);
  const confined = confineTemplate(source);
  return {
    source,
    async render(messages, { addGenerationPrompt, tools = null }) {
      const given = {
        ...specials,
        tools,
        documents: null,
        ...variables,
        messages,
        add_generation_prompt: addGenerationPrompt,
      };
      try {
        return { text: await confined.render(given, { patience }) };
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        const { message, cause } = error;
        if (cause === undefined) return { refusal: message };
        // What was stopped was not refused.
        throw new MoepressError('CHAT_TEMPLATE_FAILED', {
          message: `The chat template was stopped: ${message}`,
          where: directory,
          cause,
        });
      }
    },
    close: () => confined.close(),
  };
}

function chosen(
  templates: ReadonlyMap<string, string>,
  name: string | true,
  { directory, progress }: { readonly directory: string; readonly progress: Progress | undefined },
): string {
  const wanted = name === true ? defaultName : name;
  const source = templates.get(wanted);
  if (source !== undefined) return source;
  const only = templates.get(defaultName);
  if (templates.size === 1 && only !== undefined) {
    // As lm-evaluation-harness does it.
    progress?.({
      type: 'warning',
      message: `The model has one chat template, which is taken: none is called "${wanted}".`,
    });
    return only;
  }
  const names = [...templates.keys()].map((known) => `"${known}"`).join(', ');
  throw new MoepressError('INPUT_INVALID', {
    message:
      names === '' ? 'The model has no chat template.' : `None of its chat templates is called "${wanted}".`,
    where: directory,
    hint:
      names === ''
        ? 'Leave out `applyChatTemplate`, or put chat_template.jinja next to tokenizer.json.'
        : `Give \`applyChatTemplate\` one of ${names}.`,
  });
}
