import { parentPort, workerData } from 'node:worker_threads';
import { type HashReply, hashFile } from './hash-file.js';

/** The thread in which a large file is hashed: tells how far it is, then the digest. */

const { path }: { path: string } = workerData;
const tell = (reply: HashReply) => parentPort!.postMessage(reply);
const sha256 = await hashFile(path, { onBytes: (done) => tell({ done }) });
tell({ sha256 });
