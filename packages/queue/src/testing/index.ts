export { findRedis, type RedisServer, startRedis } from './redis.js';
