/** What a letter behind a backslash stands for, in Python's texts and patterns alike. */
export const controlEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** What any one character behind a backslash stands for in a text between quotes. */
export const stringEscapes: Readonly<Record<string, string>> = {
  ...controlEscapes,
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
};
