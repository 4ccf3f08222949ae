import type { Command } from 'commander';
import type { ChatSettings } from '../src/evaluation/chat-settings.js';
import { templateArguments, tokenOrText, yesOrNo } from './option-values.js';

/** The flags of `ChatSettings`, in the words of lm-evaluation-harness. */
export type ChatFlags = ChatSettings;

/** Adds them to a command. */
export const withChatOptions = (command: Command): Command =>
  command
    .option('--apply-chat-template [name]', "put questions into the model's chat template, or the named one")
    .option('--system-instruction <text>', "say this before each task's own description")
    .option(
      '--fewshot-as-multiturn [yes]',
      'few-shot examples as turns of the conversation (default: true with a chat template)',
      yesOrNo,
    )
    .option(
      '--chat-template-args <args>',
      'variables for the template: JSON, or name=value with commas between',
      templateArguments,
    )
    .option('--enable-thinking [yes]', "the template's enable_thinking", yesOrNo)
    .option(
      '--think-end-token <token>',
      'text or token id after which the answer begins, such as </think>',
      tokenOrText,
    );
