/** What npm `moepress` exports; the command stands on it. */
export { definePlugin, type ErrorCode, MoepressError, type ProgressEvent } from '@moepress/core';
