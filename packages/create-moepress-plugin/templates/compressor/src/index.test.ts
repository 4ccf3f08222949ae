import { conformance } from '@moepress/testkit';
import { test } from 'vitest';
import plugin from './index.js';

// Everything that must hold for any plugin; tests of what is special about yours belong below.
conformance(plugin, test);
