import { once } from 'node:events';
import { Option } from 'commander';
import type { GenerationOptions } from '../../src/generation/engine-options.js';
import { createServer } from '../../src/serve/create-server.js';
import { parseKey } from '../../src/serve/http/access.js';
import {
  type DeviceFlags,
  deviceOption,
  engineOption,
  engineSequencesOption,
  gpuMemoryOption,
  jsonOption,
  memoryOption,
  modelHelp,
  planOption,
  pluginOption,
  precisionOption,
  revisionOption,
  threadsOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { endInTime } from '../end-in-time.js';
import { bytes, count, port, positive, repeated } from '../option-values.js';

interface ServeFlags extends DeviceFlags, GenerationOptions {
  readonly host: string;
  readonly port: number;
  readonly plan?: string;
  readonly servedName?: string;
  readonly apiKey?: string;
  readonly allowedHost?: readonly string[];
  readonly allowedOrigin?: readonly string[];
  readonly maxRequests: number;
  readonly maxBody: number;
  readonly requestTimeout: number;
  readonly revision?: string;
}

export const define: Define = (command, context) =>
  command
    .argument('<model>', modelHelp)
    .addOption(planOption())
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 takes any that is free', port, 8000)
    .option(
      '--served-name <name>',
      'the name of the model for clients (default: its id on the Hub, or the name of its folder)',
    )
    .option(
      '--api-key <key>',
      'the key that clients must send (default: MOEPRESS_API_KEY, which process lists do not show)',
    )
    .option('--allowed-host <name>', 'a name that clients may call this machine, may be repeated', repeated)
    .option(
      '--allowed-origin <origin>',
      'pages that may ask from a browser, such as http://localhost:3000 or *; may be repeated',
      repeated,
    )
    .option('--max-requests <n>', 'requests at once; more are told to come again', count, 256)
    .addOption(
      new Option('--max-body <size>', 'the largest request').argParser(bytes).default(4 * 2 ** 20, '4MiB'),
    )
    .option('--request-timeout <seconds>', 'the longest that an answer may take', positive, 600)
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(engineOption())
    .addOption(engineSequencesOption())
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .action(async (model, flags) => serve(model, flags, await context(flags)));

/** Serves until Ctrl-C, which lets requests that came be answered. */
async function serve(
  id: string,
  { allowedHost: allowedHosts, allowedOrigin: allowedOrigins, ...options }: ServeFlags,
  { work, plugins, print }: Context,
): Promise<void> {
  const apiKey =
    parseKey(options.apiKey, 'apiKey') ?? parseKey(process.env.MOEPRESS_API_KEY, 'MOEPRESS_API_KEY');
  const server = await createServer(id, {
    ...options,
    apiKey: apiKey ?? undefined,
    allowedHosts,
    allowedOrigins,
    plugins,
    ...work,
  });
  try {
    const baseUrl = await server.listen();
    print(`Serving ${server.name} on ${baseUrl} (Ctrl-C stops)`, { model: server.name, baseUrl });
    if (!work.signal.aborted) await once(work.signal, 'abort');
  } finally {
    await endInTime(server);
  }
}
