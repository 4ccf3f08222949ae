/** The parts of a template. Expressions have values, statements write text. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: string | bigint | number | boolean | null }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'attribute'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'item'; readonly of: Expression; readonly key: Expression }
  | { readonly kind: 'slice'; readonly parts: readonly [Part, Part, Part] }
  | { readonly kind: 'call'; readonly of: Expression; readonly arguments: Arguments }
  | {
      readonly kind: 'filter';
      readonly of: Expression | null;
      readonly name: string;
      readonly arguments: Arguments;
    }
  | { readonly kind: 'test'; readonly of: Expression; readonly name: string; readonly arguments: Arguments }
  | { readonly kind: 'not' | 'negative' | 'positive'; readonly of: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'arithmetic';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'compare'; readonly first: Expression; readonly rest: readonly Comparison[] }
  | { readonly kind: 'join'; readonly of: readonly Expression[] }
  | {
      readonly kind: 'choice';
      readonly test: Expression;
      readonly value: Expression;
      readonly otherwise: Part;
    };

type Part = Expression | null;

export interface Comparison {
  readonly operator: string;
  readonly with: Expression;
}

export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  /** `*list` and `**dict`. */
  readonly rest: Part;
  readonly namedRest: Part;
}

/** What is assigned to: a name, several, or a field of a namespace. */
export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'field'; readonly of: string; readonly name: string }
  | { readonly kind: 'tuple'; readonly items: readonly Target[] };

export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | null;
}

type Body = readonly Statement[];

export type Statement =
  | { readonly kind: 'data'; readonly text: string }
  | { readonly kind: 'output'; readonly of: Expression }
  | {
      readonly kind: 'if';
      readonly branches: readonly (readonly [Expression, Body])[];
      readonly otherwise: Body;
    }
  | ForStatement
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  | { readonly kind: 'set-block'; readonly target: Target; readonly filter: Part; readonly body: Body }
  | MacroStatement
  | {
      readonly kind: 'call-block';
      readonly parameters: readonly Parameter[];
      readonly call: Expression;
      readonly body: Body;
    }
  | { readonly kind: 'filter-block'; readonly filter: Expression; readonly body: Body }
  | {
      readonly kind: 'with';
      readonly assignments: readonly (readonly [Target, Expression])[];
      readonly body: Body;
    }
  | { readonly kind: 'scope'; readonly body: Body };

export interface ForStatement {
  readonly kind: 'for';
  readonly target: Target;
  readonly of: Expression;
  readonly test: Part;
  readonly recursive: boolean;
  readonly body: Body;
  readonly otherwise: Body;
}

export interface MacroStatement {
  readonly kind: 'macro';
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: Body;
}
