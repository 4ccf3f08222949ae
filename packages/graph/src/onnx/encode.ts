import type { Attribute, ExternalData } from '@moepress/core';
import { elementTypes, type GraphIR, type InitializerIR, type NodeIR, type ValueIR } from '../ir/graph-ir.js';
import { locationOf } from './external-files.js';
import { WireWriter } from './wire.js';

const irVersion = 10;
/** Operator sets of every graph; ONNX Runtime 1.30 reads up to 26. */
export const opsets = { '': 23, 'com.microsoft': 1 } as const;

/** AttributeProto.AttributeType */
const attributeType = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;
const externalLocation = 1;

/**
 * A graph as the bytes of an ONNX model. Field numbers are those of onnx.proto, which protobuf's
 * compatibility rules freeze. External data is referred to relative to the file-system root.
 */
export function encodeModel(graph: GraphIR): Uint8Array {
  const out = new WireWriter();
  out.integer(1, irVersion);
  out.string(2, 'moepress');
  out.message(7, () => writeGraph(out, graph));
  for (const [domain, version] of Object.entries(opsets)) {
    out.message(8, () => {
      out.string(1, domain);
      out.integer(2, version);
    });
  }
  return out.finish();
}

function writeGraph(out: WireWriter, graph: GraphIR): void {
  for (const node of graph.nodes) out.message(1, () => writeNode(out, node));
  out.string(2, graph.name);
  for (const tensor of graph.initializers) out.message(5, () => writeInitializer(out, tensor));
  for (const value of graph.inputs) out.message(11, () => writeValue(out, value));
  for (const value of graph.outputs) out.message(12, () => writeValue(out, value));
  for (const value of graph.named ?? []) out.message(13, () => writeValue(out, value));
}

function writeNode(out: WireWriter, node: NodeIR): void {
  for (const input of node.inputs) out.string(1, input);
  for (const output of node.outputs) out.string(2, output);
  out.string(3, node.name);
  out.string(4, node.type);
  for (const [name, value] of Object.entries(node.attributes)) {
    out.message(5, () => writeAttribute(out, name, value));
  }
  out.string(7, node.domain);
}

function writeAttribute(out: WireWriter, name: string, value: Attribute | GraphIR): void {
  out.string(1, name);
  if (typeof value === 'number') {
    out.integer(3, value);
    out.integer(20, attributeType.int);
  } else if (typeof value === 'string') {
    out.string(4, value);
    out.integer(20, attributeType.string);
  } else if ('float' in value) {
    out.float(2, value.float);
    out.integer(20, attributeType.float);
  } else if ('nodes' in value) {
    out.message(6, () => writeGraph(out, value));
    out.integer(20, attributeType.graph);
  } else {
    for (const item of value) out.integer(8, item);
    out.integer(20, attributeType.ints);
  }
}

function writeInitializer(out: WireWriter, tensor: InitializerIR): void {
  for (const size of tensor.shape) out.integer(1, size);
  out.integer(2, elementTypes[tensor.dtype]);
  out.string(8, tensor.name);
  if (tensor.data instanceof Uint8Array) out.bytes(9, tensor.data);
  else writeExternal(out, tensor.data);
}

function writeExternal(out: WireWriter, data: ExternalData): void {
  const { offset, length } = data;
  for (const [key, value] of Object.entries({ location: locationOf(data), offset, length })) {
    out.message(13, () => {
      out.string(1, key);
      out.string(2, String(value));
    });
  }
  out.integer(14, externalLocation);
}

function writeValue(out: WireWriter, { name, dtype, shape }: ValueIR): void {
  out.string(1, name);
  out.message(2, () =>
    out.message(1, () => {
      out.integer(1, elementTypes[dtype]);
      if (!shape) return;
      out.message(2, () => {
        for (const dim of shape) {
          out.message(1, () => (typeof dim === 'number' ? out.integer(1, dim) : out.string(2, dim)));
        }
      });
    }),
  );
}
