import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { getHFHubCachePath, HUB_URL } from '@huggingface/hub';

/** Where the Hub is and how to speak to it, from the variables that huggingface_hub reads. */
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

export async function readHubEnvironment(): Promise<HubEnvironment> {
  const { env } = process;
  return {
    endpoint: (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, ''),
    token: env.HF_TOKEN?.trim() || (await readTokenFile(env)),
    cache: getHFHubCachePath(),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
  };
}

async function readTokenFile(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const text = await readFile(env.HF_TOKEN_PATH ?? join(home, 'token'), 'utf8').catch(() => '');
  return text.trim() || undefined;
}
