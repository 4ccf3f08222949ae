import { MoepressError } from '@moepress/core';
import { Redis } from 'ioredis';

/** Milliseconds to wait for the server to take a connection. */
const patience = 10_000;

/**
 * A permanent connection: after it has been made once, it is restored whenever it is lost. Throws `INPUT_INVALID` for
 * a text that is not the address of a Redis server, and `SERVER_UNREACHABLE` if none answers now.
 */
export async function connect(url: string): Promise<Redis> {
  const where = withoutPassword(url);
  let wasThere = false;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: patience,
    // Commands wait for the next connection, which workers that block on the server require.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (wasThere ? Math.min(1000 * times, 20_000) : null),
  });
  let reason = 'no answer';
  redis.on('error', (error: Error) => {
    reason = error.message || (error as NodeJS.ErrnoException).code || reason;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (cause) {
    redis.disconnect();
    throw new MoepressError('SERVER_UNREACHABLE', {
      message: `The queue cannot be reached: ${reason}.`,
      where,
      hint: 'Check the address, that Redis or Valkey runs there, and its password.',
      cause,
    });
  }
  wasThere = true;
  return redis;
}

/** The address without credentials, for messages. */
function withoutPassword(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^rediss?:$/.test(parsed.protocol)) {
    throw new MoepressError('INPUT_INVALID', {
      message: 'This is not the address of a Redis server.',
      where: 'queue',
      hint: 'Give one such as redis://host:6379, or rediss://user:password@host:6379.',
    });
  }
  parsed.password &&= '***';
  return parsed.href;
}
