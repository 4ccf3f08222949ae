import type { Progress } from '@moepress/core';

/**
 * The library's options as the command spells them: the one table of both. A library error names an option by its path,
 * such as `tasks[1]` or `options.steps`, in its message and hint between backquotes.
 */
const flags: Readonly<Record<string, string>> = {
  addBos: '--add-bos',
  against: '--against',
  allowedHosts: '--allowed-host',
  allowedOrigins: '--allowed-origin',
  apiKey: '--api-key',
  applyChatTemplate: '--apply-chat-template',
  backend: '--backend',
  'backend.apiKey': 'OPENAI_API_KEY',
  'backend.baseUrl': '--base-url',
  'backend.concurrency': '--concurrency',
  'backend.dtype': '--dtype',
  'backend.maxLength': '--max-length',
  'backend.servedName': '--served-name',
  baseUrl: '--base-url',
  'cache.evidence': '--evidence',
  'cache.responses': '--answers',
  'cache.training': '--runs',
  calibration: '--calibration',
  chatTemplateArgs: '--chat-template-args',
  concurrency: '--concurrency',
  confirmRunUnsafeCode: '--confirm-run-unsafe-code',
  data: '--data',
  device: '--device',
  domains: '--domains',
  engine: '--engine',
  engineSequences: '--engine-sequences',
  dtype: '--dtype',
  enableThinking: '--enable-thinking',
  fewshotAsMultiturn: '--fewshot-as-multiturn',
  force: '--force',
  genKwargs: '--gen-kwargs',
  gpuMemory: '--gpu-memory',
  host: '--host',
  includePath: '--include-path',
  layout: '--layout',
  limit: '--limit',
  maxBody: '--max-body',
  maxLength: '--max-length',
  maxRequests: '--max-requests',
  memory: '--memory',
  method: '--method',
  minTokens: '--min-tokens',
  mtp: '--mtp',
  quantise: '--quantise',
  numFewshot: '--num-fewshot',
  options: '--option',
  out: '--out',
  plan: '--plan',
  plugins: '--plugin',
  port: '--port',
  precision: '--precision',
  propagate: '--propagate',
  queue: '--queue',
  ratio: '--ratio',
  refiner: '--refiner',
  requestTimeout: '--request-timeout',
  residency: '--residency',
  revision: '--revision',
  score: '--score',
  seed: '--seed',
  servedName: '--served-name',
  stalledAfter: '--stalled-after',
  systemInstruction: '--system-instruction',
  tasks: '--tasks',
  thinkEndToken: '--think-end-token',
  threads: '--threads',
  to: '--to',
  train: '--train',
  type: '--type',
  validate: '--validate',
  workers: '--workers',
};

/** Options of methods that have flags of their own. */
const flagsOfMethods: Readonly<Record<string, string | undefined>> = {
  acrossGroups: '--across-groups',
  budget: '--budget',
  keepSuperExperts: '--keep-super-experts',
  ratio: flags.ratio,
  seed: flags.seed,
};

export const flagNames: readonly string[] = Object.values(flags);

/** The flag of an option by its path; undefined for what is none. */
export function flagOf(path: string): string | undefined {
  const name = path.replace(/\[\d+\]/g, '');
  if (Object.hasOwn(flags, name)) return flags[name];
  // Options of methods are given by their names.
  const own = /^options\.(\w+)(?:\.\w+)*$/.exec(name)?.[1];
  if (own === undefined) return undefined;
  return flagsOfMethods[own] ?? `${flags.options} ${own}`;
}

/** The text of a library, in which options stand between backquotes, in words of the command. */
export const inFlags = (text: string): string =>
  text.replace(/`([\w.[\]]+)`/g, (whole, path: string) => flagOf(path) ?? whole);

/** Where something is wrong; what the user typed is no option, whatever its name. */
export const whereInFlags = (where: string, typed: readonly string[] = []): string =>
  typed.includes(where) ? where : (flagOf(where) ?? where);

/** Warnings in words of the command. */
export const progressInFlags =
  (progress: Progress): Progress =>
  (event) =>
    progress(event.type === 'warning' ? { ...event, message: inFlags(event.message) } : event);
