/** How much the server takes on. */
export interface Limits {
  /** Bytes of a request's body. */
  readonly maxBody: number;
  /** Requests that are answered or wait at once. */
  readonly maxRequests: number;
  /** Milliseconds from a request's last byte to its answer's. */
  readonly requestTimeout: number;
}

export const defaultLimits: Limits = { maxBody: 4 * 2 ** 20, maxRequests: 256, requestTimeout: 600_000 };

/** Bytes of all bodies that are under way at once. */
export const maxUploads = 128 * 2 ** 20;

/** Objects and lists within each other in a body. */
export const maxDepth = 64;

export const maxConnections = 1024;

/** Milliseconds that a client may take for the headers of a request, for all of it, and until its next one. */
export const clientTimeouts = { headers: 10_000, request: 30_000, keepAlive: 5_000 };

/** Bytes that wait for a client that does not read its stream. */
export const maxUnread = 2 ** 20;

/** Milliseconds after the signal to stop: until when requests are answered, and until when the engine has to be still. */
export const closing = { answers: 3_000, engine: 4_500 };
