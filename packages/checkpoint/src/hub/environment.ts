import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HUB_URL } from '@huggingface/hub';
import { MoepressError } from '@moepress/core';

/** Where the Hub is and how to speak to it, from the variables that huggingface_hub reads; empty is unset. */
export interface HubEnvironment {
  /** `HF_ENDPOINT`, default https://huggingface.co. */
  readonly endpoint: string;
  /** `HF_TOKEN`, or the file that `hf auth login` writes. */
  readonly token: string | undefined;
  /** `HF_HUB_CACHE`, or `hub` in `HF_HOME`, by default ~/.cache/huggingface. */
  readonly cache: string;
  /** `HF_HUB_OFFLINE`: nothing is asked of the network. */
  readonly offline: boolean;
}

/** Throws `HUB_UNREACHABLE` if a variable is what nothing can be asked of. */
export async function readHubEnvironment(): Promise<HubEnvironment> {
  const { env } = process;
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  return {
    endpoint: checkEndpoint((env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, '')),
    token: env.HF_TOKEN?.trim() || (await readToken(env.HF_TOKEN_PATH || join(home, 'token'))),
    cache: env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, 'hub'),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
  };
}

function checkEndpoint(endpoint: string): string {
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return endpoint;
  throw new MoepressError('HUB_UNREACHABLE', {
    message: `${endpoint} is no address of a server.`,
    where: 'HF_ENDPOINT',
    mend: `Give it an address such as ${HUB_URL}, or unset it.`,
  });
}

async function readToken(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim() || undefined;
}
