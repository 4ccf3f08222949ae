import { datasetInfo, HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { MoepressError, shown } from '@moepress/core';
import { z } from 'zod';
import { bounded, proxiedFetch } from '../net/proxied-fetch.js';
import type { HubEnvironment, HubToken } from './environment.js';
import { unreachable } from './hub-errors.js';

/** One revision of a repository of the Hub. */
export interface HubRepository {
  readonly type: 'model' | 'dataset';
  /** `organisation/name`. */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** A file of a repository. */
export interface HubFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** Whether a revision is a commit, which never changes. */
export function isCommit(revision: unknown): revision is string {
  return typeof revision === 'string' && /^[0-9a-f]{40}$/.test(revision);
}

export interface RemoteFile extends HubFile {
  /** What the Hub calls these bytes, and the cache therefore too: their SHA-256 or their git id. */
  readonly etag: string;
  /** Known of large files only. */
  readonly sha256: string | null;
}

/** Files of a repository; the largest data sets have some ten thousand. */
const maxFiles = 200_000;

const entrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().nonnegative(),
  oid: z.string().default(''),
  lfs: z.object({ oid: z.string() }).nullish(),
});

/** What every call of the Hub library takes. */
interface Access {
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

/** A repository as the Hub has it. All methods pass on what the Hub library throws. */
export class RemoteRepository {
  readonly #repository: HubRepository;
  readonly #access: Access;

  constructor(repository: HubRepository, environment: HubEnvironment, signal: AbortSignal | undefined) {
    this.#repository = repository;
    this.#access = accessTo(environment, signal);
  }

  /** The commit that the revision stands for now. */
  async commit(): Promise<string> {
    const { type, id, revision } = this.#repository;
    if (isCommit(revision)) return revision;
    const asked = { ...boundedAccess(this.#access), name: id, revision };
    const { sha } =
      type === 'model'
        ? await modelInfo({ ...asked, additionalFields: ['sha'] })
        : await datasetInfo({ ...asked, additionalFields: ['sha'] });
    if (isCommit(sha)) return sha;
    throw unreachable(`The Hub answered with ${shown(sha)}, which is no commit`, id);
  }

  /** All files of a commit, in all folders. */
  async list(commit: string): Promise<RemoteFile[]> {
    const files: RemoteFile[] = [];
    const listed = listFiles({
      ...boundedAccess(this.#access),
      repo: this.#designation,
      revision: commit,
      recursive: true,
    });
    for await (const entry of listed) {
      const { success, data } = entrySchema.safeParse(entry);
      if (!success) throw unreachable('The Hub lists a file without a name or size', this.#repository.id);
      const { type, path, size, oid, lfs } = data;
      if (type === 'file') files.push({ path, size, etag: lfs?.oid ?? oid, sha256: lfs?.oid ?? null });
      if (files.length > maxFiles) {
        throw unreachable(`The Hub lists more than ${maxFiles} files`, this.#repository.id);
      }
    }
    return files;
  }

  /**
   * The bytes of a file from a position on. A server that does not know of ranges, as a mirror's store of files, sends
   * the whole file, of which the beginning is passed over.
   */
  async open(commit: string, path: string, position: number): Promise<AsyncIterable<Uint8Array>> {
    const { type, id } = this.#repository;
    const repository = type === 'model' ? id : `${type}s/${id}`;
    const place = [repository, 'resolve', commit, path].map((part) =>
      part.split('/').map(encodeURIComponent).join('/'),
    );
    const url = [this.#access.hubUrl, ...place].join('/');
    const response = await this.#access.fetch(
      url,
      position > 0 ? { headers: { range: `bytes=${position}-` } } : {},
    );
    if (!response.ok) {
      await response.body?.cancel();
      throw new HubApiError(url, response.status);
    }
    if (!response.body) throw unreachable('The Hub sent nothing', `${id}/${path}`);
    const begin = response.status === 206 ? (beginOf(response) ?? position) : 0;
    return from(response.body, position - begin);
  }

  get #designation() {
    return { type: this.#repository.type, name: this.#repository.id };
  }
}

/** Answers of one question, and bytes of each: a page of a listing has a thousand files. */
const most = { answers: 1000, bytes: 16 * 1024 * 1024 };

/** Limits for answers that are read completely, page by page, neither of which may be endless. */
function boundedAccess({ hubUrl, fetch }: Access): Access {
  let answers = 0;
  return {
    hubUrl,
    fetch: async (input, init) => {
      if (++answers > most.answers) throw new Error(`the Hub answers with more than ${most.answers} pages`);
      return bounded(await fetch(input, init), most.bytes);
    },
  };
}

/** The start of a partial answer, as the server reports it. */
function beginOf({ headers }: Response): number | null {
  const [, begin] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? [];
  return begin === undefined ? null : Number(begin);
}

/** The bytes of a stream without the first `count`. */
async function* from(stream: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  if (count < 0) throw new Error('the server sent another part of the file than was asked for');
  let rest = count;
  for await (const chunk of stream) {
    if (chunk.length > rest) yield chunk.subarray(rest);
    rest = Math.max(0, rest - chunk.length);
  }
}

/** Adds token and abort signal to the requests of the Hub library; the token goes to the Hub alone. */
function accessTo({ endpoint, token }: HubEnvironment, signal: AbortSignal | undefined): Access {
  const { origin } = new URL(endpoint);
  return {
    hubUrl: endpoint,
    fetch: (input, init) => {
      const url = input instanceof Request ? input.url : input;
      const headers = new Headers(init?.headers);
      if (token && new URL(url).origin === origin) authorise(headers, token);
      const signals = [init?.signal, signal].filter((s) => s instanceof AbortSignal);
      return proxiedFetch(url, { ...init, headers, signal: AbortSignal.any(signals) });
    },
  };
}

/** Throws `INPUT_INVALID` for a token that an HTTP header cannot contain, without showing the token. */
function authorise(headers: Headers, { value, from: source }: HubToken): void {
  try {
    headers.set('Authorization', `Bearer ${value}`);
  } catch {
    throw new MoepressError('INPUT_INVALID', {
      message: 'The token of the Hub contains characters that no token has.',
      where: source,
      hint: 'Copy it again from the settings of your account, or unset it.',
    });
  }
}
