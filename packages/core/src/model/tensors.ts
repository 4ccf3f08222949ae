import { MoepressError } from '../errors/error.js';
import type { TensorExpr } from '../tensor/expr.js';
import type { Model } from './model.js';

/** The parts of a model that hold tensors. */
const roots = [
  'embed',
  'blocks',
  'finalNorm',
  'finalNormBias',
  'head',
  'headBias',
] as const satisfies readonly (keyof Model)[];

type Node = unknown;

/**
 * Every tensor of a model by its path, which is where it stands in the description:
 * `blocks.3.attention.q.weight`, `blocks.3.ffn.mlp.gate`, `embed`. A tied head has no path of its own.
 */
export function tensorsByPath(model: Model): Map<string, TensorExpr> {
  const found = new Map<string, TensorExpr>();
  for (const root of rootsOf(model)) {
    walk(model[root], root, (tensor, path) => {
      found.set(path, tensor);
      return tensor;
    });
  }
  return found;
}

/** All tensors of a part of a model, in the order in which its description has them. */
export function tensorsIn(part: object): TensorExpr[] {
  const found: TensorExpr[] = [];
  walk(part, '', (tensor) => {
    found.push(tensor);
    return tensor;
  });
  return found;
}

/**
 * The model with other tensors at some paths; tied embedding and head stay tied.
 * Throws `PLAN_INVALID` for a path that does not exist or a tensor of another shape.
 */
export function withTensors(model: Model, tensors: ReadonlyMap<string, TensorExpr>): Model {
  if (tensors.size === 0) return model;
  const known = tensorsByPath(model);
  for (const [path, { shape }] of tensors) {
    const own = known.get(path);
    if (own && own.shape.join() === shape.join()) continue;
    throw new MoepressError('PLAN_INVALID', {
      message: own
        ? `It has the shape [${shape.join(', ')}] and not [${own.shape.join(', ')}].`
        : 'The model has no such tensor.',
      where: `tensor ${path}`,
    });
  }
  const replaced = rootsOf(model).map((root) => [
    root,
    walk(model[root], root, (tensor, path) => tensors.get(path) ?? tensor),
  ]);
  const view = { ...model, ...Object.fromEntries(replaced) } as Model;
  return model.config.tiedEmbeddings ? { ...view, head: view.embed } : view;
}

const rootsOf = ({ config }: Model) =>
  config.tiedEmbeddings ? roots.filter((root) => root !== 'head') : roots;

/**
 * Replaces every tensor below a node by the result of `visit`; a node in which nothing changes stays the same object.
 */
function walk(node: Node, path: string, visit: (tensor: TensorExpr, path: string) => TensorExpr): Node {
  if (typeof node !== 'object' || node === null) return node;
  if (isTensor(node)) return visit(node, path);
  // Lists of numbers, such as slots and kept channels, may be long and hold no tensors.
  if (Array.isArray(node) && typeof node[0] === 'number') return node;
  const entries = Object.entries(node).map(([key, inner]): [string, Node, Node] => [
    key,
    inner,
    walk(inner, `${path}.${key}`, visit),
  ]);
  if (entries.every(([, before, after]) => before === after)) return node;
  if (Array.isArray(node)) return entries.map(([, , after]) => after);
  return Object.fromEntries(entries.map(([key, , after]) => [key, after]));
}

const isTensor = (node: object): node is TensorExpr => 'kind' in node && 'dtype' in node && 'shape' in node;
