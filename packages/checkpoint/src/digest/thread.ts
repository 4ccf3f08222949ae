/** The thread in which a large file is hashed: tells how far it is, then the digest. */
import { parentPort, workerData } from 'node:worker_threads';
import { hashFile } from './hash-file.js';

/** What the thread answers with, many times the first and then the second. */
export type HashReply = { readonly done: number } | { readonly sha256: string };

const { path }: { path: string } = workerData;
const tell = (reply: HashReply) => parentPort!.postMessage(reply);
const sha256 = await hashFile(path, { onBytes: (done) => tell({ done }) });
tell({ sha256 });
