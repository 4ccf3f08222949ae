/** How a field of a prompt is made from a document. */
export interface Template<Doc, Value> {
  /**
   * The Jinja source, column, list or name of the function, as lm-evaluation-harness records it in its
   * results.
   */
  readonly source: string | readonly string[];
  render(doc: Doc): Value;
}

/** A text in which `{{name}}` stands for the document's field of that name. */
export function template<Doc = unknown>(source: string): Template<Doc, string> & { readonly source: string } {
  return {
    source,
    render: (doc) =>
      source.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => {
        const value = (doc as Readonly<Record<string, unknown>>)[name];
        if (value === undefined) throw new TypeError(`template field ${name} is not in the document`);
        return String(value);
      }),
  };
}

/** The column `name` as it is. */
export function column<Name extends string, Value = string>(
  name: Name,
): Template<Readonly<Record<Name, Value>>, Value> {
  return { source: name, render: (doc) => doc[name] };
}

/** The same list for every document. */
export function fixed(...values: string[]): Template<unknown, readonly string[]> {
  return { source: values, render: () => values };
}

/** A field that takes more than substitution; `source` is what it computes, in lm-evaluation-harness' words. */
export function computed<Doc, Value>(source: string, render: (doc: Doc) => Value): Template<Doc, Value> {
  return { source, render };
}
