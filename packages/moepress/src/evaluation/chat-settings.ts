import type { PromptOptions } from '@moepress/harness';
import { openModelTemplate } from '../chat/model-template.js';
import { checkText, invalidOption, isObject } from '../check-options.js';
import { textFolderOf } from '../models/companions.js';
import type { ModelInput, ModelOptions } from '../models/open-model.js';
import { type WorkOptions, workOf } from '../options.js';

/** How a model that was taught conversations is asked; what lm-evaluation-harness calls these options too. */
export interface ChatSettings {
  /** Puts questions into the model's chat template: true, or the name of one of several. */
  readonly applyChatTemplate?: boolean | string | undefined;
  /** Variables that the template is given, such as `{ reasoning_effort: 'low' }`. */
  readonly chatTemplateArgs?: Readonly<Record<string, unknown>> | undefined;
  /** The template's variable `enable_thinking`; if true, `thinkEndToken` is needed. */
  readonly enableThinking?: boolean | undefined;
  /** Whether few-shot examples are turns of the conversation, true by default, or stand with the question in one. */
  readonly fewshotAsMultiturn?: boolean | undefined;
  /** Said to the model before each task's own description; also without a chat template. */
  readonly systemInstruction?: string | undefined;
  /** Where thinking ends, such as `</think>`, or the id of a token: what is generated up to it is no answer. */
  readonly thinkEndToken?: string | number | undefined;
}

/** Throws `INPUT_INVALID` for settings that cannot be meant, or not together. */
export function checkChatSettings(settings: ChatSettings): void {
  const { applyChatTemplate: template, chatTemplateArgs: args, enableThinking, thinkEndToken } = settings;
  const { fewshotAsMultiturn, systemInstruction } = settings;
  for (const [where, value] of Object.entries({ enableThinking, fewshotAsMultiturn })) {
    if (value !== undefined && typeof value !== 'boolean')
      throw invalidOption({ where, value }, 'true or false');
  }
  if (template !== undefined && typeof template !== 'boolean') {
    checkText({ where: 'applyChatTemplate', value: template }, 'true or the name of a template');
  }
  if (systemInstruction !== undefined && typeof systemInstruction !== 'string') {
    throw invalidOption({ where: 'systemInstruction', value: systemInstruction }, 'a text');
  }
  if (args !== undefined && (!isObject(args) || Array.isArray(args))) {
    throw invalidOption({ where: 'chatTemplateArgs', value: args }, 'an object of arguments');
  }
  const isId = Number.isSafeInteger(thinkEndToken) && (thinkEndToken as number) >= 0;
  if (thinkEndToken !== undefined && !isId) {
    checkText({ where: 'thinkEndToken', value: thinkEndToken }, 'a text or the id of a token');
  }
  if (enableThinking && thinkEndToken === undefined) {
    throw invalidOption(
      { where: 'thinkEndToken', value: undefined },
      'the text or token that ends thinking, such as </think>,',
    );
  }
  if (template) return;
  const alone = Object.entries({
    chatTemplateArgs: args,
    enableThinking,
    fewshotAsMultiturn: fewshotAsMultiturn || undefined,
  });
  const wrong = alone.find(([, value]) => value !== undefined);
  if (wrong) throw invalidOption({ where: wrong[0], value: wrong[1] }, '`applyChatTemplate` beside it');
}

/**
 * Calls `use` with the prompts' settings and the model's chat template, where it is to be applied, and closes the template
 * afterwards. Throws what `openModelTemplate` throws.
 */
export async function withPrompts<Result>(
  model: ModelInput,
  options: ChatSettings & ModelOptions & WorkOptions,
  use: (prompts: PromptOptions) => Promise<Result>,
): Promise<Result> {
  const { applyChatTemplate: name, systemInstruction, enableThinking, fewshotAsMultiturn = true } = options;
  if (!name) return use({ systemInstruction });
  const work = workOf(options);
  const folder =
    typeof model === 'string'
      ? await textFolderOf(model, { revision: options.revision, ...work })
      : model.source.directory;
  const templateArgs = {
    ...options.chatTemplateArgs,
    ...(enableThinking !== undefined && { enable_thinking: enableThinking }),
  };
  const template = await openModelTemplate(folder, { name, variables: templateArgs }, work.progress);
  try {
    return await use({
      systemInstruction,
      chat: { template, fewshotAsMultiturn, templateArgs, enableThinking },
    });
  } finally {
    await template.close();
  }
}
