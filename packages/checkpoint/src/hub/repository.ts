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
