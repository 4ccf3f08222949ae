import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HUB_URL } from '@huggingface/hub';
import { MoepressError } from '@moepress/core';

/** Where the Hub is and how to speak to it, from the variables that huggingface_hub reads; empty is unset. */
export interface HubEnvironment {
  /** `HF_ENDPOINT`, default https://huggingface.co. */
  readonly endpoint: string;
  /**
   * `HF_TOKEN`, its old name `HUGGING_FACE_HUB_TOKEN`, or the file that `hf auth login` writes (`HF_TOKEN_PATH`); none
   * with `HF_HUB_DISABLE_IMPLICIT_TOKEN`.
   */
  readonly token: HubToken | null;
  /** `HF_HUB_CACHE`, its old name `HUGGINGFACE_HUB_CACHE`, or `hub` in `HF_HOME`, by default ~/.cache/huggingface. */
  readonly cache: string;
  /** `HF_HUB_OFFLINE`, or `TRANSFORMERS_OFFLINE` where that is unset: nothing is asked of the network. */
  readonly offline: boolean;
}

export interface HubToken {
  readonly value: string;
  /** The variable or file it comes from, for messages. */
  readonly from: string;
}

/** Throws `HUB_UNREACHABLE` if a variable is what nothing can be asked of. */
export async function readHubEnvironment(): Promise<HubEnvironment> {
  const { env } = process;
  const home = expanded(env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'));
  return {
    endpoint: checkEndpoint((env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, '')),
    token: isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN) ? null : await readToken(home),
    cache: expanded(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, 'hub')),
    offline: isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
  };
}

/** The variable that says so. */
export const offlineVariable = (): string =>
  process.env.HF_HUB_OFFLINE ? 'HF_HUB_OFFLINE' : 'TRANSFORMERS_OFFLINE';

const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');

/** Replaces a leading `~` by the user's folder, then variables by their values, as Python does; unknown ones stay. */
function expanded(path: string): string {
  const atHome = path.replace(/^~(?=\/|$)/, () => homedir());
  return atHome.replace(
    /\$(?:(\w+)|\{(\w+)\})/g,
    (whole, plain, braced) => process.env[plain ?? braced] ?? whole,
  );
}

function checkEndpoint(endpoint: string): string {
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return endpoint;
  throw new MoepressError('HUB_UNREACHABLE', {
    message: `${endpoint} is not the address of a server.`,
    where: 'HF_ENDPOINT',
    hint: `Give it an address such as ${HUB_URL}, or unset it.`,
  });
}

async function readToken(home: string): Promise<HubToken | null> {
  for (const from of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = clean(process.env[from]);
    if (value !== '') return { value, from };
  }
  const path = expanded(process.env.HF_TOKEN_PATH || join(home, 'token'));
  const value = clean(await readFile(path, 'utf8').catch(() => ''));
  return value === '' ? null : { value, from: path };
}

/** Without line breaks, which come of copying and which no header may hold. */
const clean = (token = ''): string => token.replace(/[\r\n]/g, '').trim();
