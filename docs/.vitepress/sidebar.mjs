const page = (text, link) => ({ text, link });

/** The pages of the site in their order. */
export const sidebar = [
  {
    text: 'Use',
    items: [
      page('Evaluate', '/evaluate'),
      page('Tasks', '/tasks'),
      page('Leaderboards', '/leaderboard'),
      page('Exporting', '/export'),
      page('GGUF files and llama.cpp', '/gguf'),
      page('ONNX exports', '/onnx'),
      page('Quantised weights', '/quantised'),
      page('Serving', '/serve'),
      page('Devices', '/devices'),
      page('Families of models', '/architectures'),
      page('Plugins', '/plugins'),
    ],
  },
  {
    text: 'Look up',
    items: [
      page('Commands and options', '/reference/commands'),
      page('Methods and their options', '/reference/methods'),
      page('Tasks that come with it', '/reference/task-list'),
      page('Errors by code', '/reference/errors'),
    ],
  },
  {
    text: 'Library',
    collapsed: true,
    items: ['moepress', '@moepress/core', '@moepress/graph', '@moepress/harness', '@moepress/testkit'].map(
      (name) => page(name, `/reference/api/${name.split('/').at(-1)}`),
    ),
  },
  {
    text: 'How it is built',
    collapsed: true,
    items: [
      page('Architecture', '/architecture'),
      page('How models run', '/engine'),
      page('Files', '/files'),
    ],
  },
];
