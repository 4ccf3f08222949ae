import { datasetInfo, downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import type { HubEnvironment } from './environment.js';
import { unreachable } from './errors.js';
import { type HubFile, type HubRepository, isCommit } from './repository.js';

export interface RemoteFile extends HubFile {
  /** What the Hub calls these bytes, and the cache therefore too: their SHA-256 or their git id. */
  readonly etag: string;
  /** Known of large files only. */
  readonly sha256: string | null;
}

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
    const asked = { ...this.#access, name: id, revision };
    const { sha } =
      type === 'model'
        ? await modelInfo({ ...asked, additionalFields: ['sha'] })
        : await datasetInfo({ ...asked, additionalFields: ['sha'] });
    if (isCommit(sha)) return sha;
    throw unreachable(`The Hub answered with ${JSON.stringify(sha)}, which is no commit`, id);
  }

  /** All files of a commit, in all folders. */
  async list(commit: string): Promise<RemoteFile[]> {
    const files: RemoteFile[] = [];
    const listed = listFiles({ ...this.#access, repo: this.#designation, revision: commit, recursive: true });
    for await (const { type, path, size, oid = '', lfs } of listed) {
      if (type === 'file') files.push({ path, size, etag: lfs?.oid ?? oid, sha256: lfs?.oid ?? null });
    }
    return files;
  }

  /** The bytes of a file from a position on. */
  async open(commit: string, path: string, position: number): Promise<AsyncIterable<Uint8Array>> {
    const repo = this.#designation;
    const blob = await downloadFile({ ...this.#access, repo, path, revision: commit });
    if (!blob) throw unreachable('The Hub lists the file but does not have it', `${repo.name}/${path}`);
    return blob.slice(position, blob.size).stream();
  }

  get #designation() {
    return { type: this.#repository.type, name: this.#repository.id };
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
      if (token && new URL(url).origin === origin) headers.set('Authorization', `Bearer ${token}`);
      const signals = [init?.signal, signal].filter((s) => s instanceof AbortSignal);
      return fetch(input, { ...init, headers, signal: AbortSignal.any(signals) });
    },
  };
}
