const page = (text, link) => ({ text, link });

/** The pages of the site in their order. */
export const sidebar = [
  {
    text: 'Ten minutes',
    items: [
      page('Make a model fit', '/guides/make-a-model-fit'),
      page('Run a leaderboard', '/guides/run-a-leaderboard'),
      page('Write a method', '/guides/write-a-method'),
    ],
  },
  {
    text: 'Understand',
    items: [
      page('Experts, routers, top-k', '/concepts/experts'),
      page('What can be done to experts', '/concepts/operations'),
      page('What calibration measures', '/concepts/calibration'),
      page('How scores are compared', '/concepts/comparing'),
      page('Beside other tools', '/concepts/other-tools'),
      page('Limits', '/limits'),
    ],
  },
  {
    text: 'Use',
    items: [
      page('Recipes and estimates', '/recipes'),
      page('Evaluate', '/evaluate'),
      page('Tasks', '/tasks'),
      page('Leaderboards', '/leaderboard'),
      page('Sweeps', '/sweeps'),
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
    items: ['moepress', '@moepress/core', '@moepress/graph', '@moepress/harness', '@moepress/testkit'].map(
      (name) => page(name, `/reference/api/${name.split('/').at(-1)}`),
    ),
  },
  {
    text: 'How it is built',
    items: [
      page('Architecture', '/architecture'),
      page('How models run', '/engine'),
      page('Files', '/files'),
    ],
  },
];
