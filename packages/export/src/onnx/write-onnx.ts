import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkSpace, createFolder, FolderOutput } from '@moepress/checkpoint';
import { type CompressionPlan, type Model, throwIfAborted, type Work } from '@moepress/core';
import type { CarriedType, GraphIR } from '@moepress/graph';
import { copyCompanions, findCompanions, readCard } from '../huggingface/companions.js';
import { formatJson } from '../huggingface/json.js';
import { checkEncodable } from './encode-tensor.js';
import { genaiConfig } from './genai-config.js';
import { onnxCard } from './onnx-card.js';
import { onnxConfig } from './onnx-config.js';
import { graphFolder, graphNames } from './onnx-types.js';
import { type DataFile, placeTensors } from './place-tensors.js';
import { writeGraph } from './write-graph.js';

export interface WriteOnnxOptions extends Work {
  /** The plan that made the view: it is written beside the graph and told of in the model card. */
  readonly plan?: CompressionPlan | undefined;
  /** The model the plan was applied to; the model itself by default. */
  readonly base?: Model | undefined;
  /** Largest size of a file of weights in bytes; default 2 GB, which browsers can hold. */
  readonly fileBytes?: number | undefined;
}

export interface WrittenOnnx {
  readonly directory: string;
  /** Total size of all files in bytes. */
  readonly bytes: number;
  readonly files: readonly string[];
}

/** A model as one graph, and the precision of the weights that this brings along. */
export interface CarryingGraph {
  readonly type: CarriedType;
  readonly graph: GraphIR;
}

/** Bytes of the weights of such a graph as they are written. Throws `TENSOR_DTYPE` for one that holds no numbers to compute with. */
export const onnxBytes = (graph: GraphIR): number => sum(placed({ type: 'fp32', graph }).files);

/**
 * Writes the graph of a model into a folder in the convention of transformers.js and the Hub, `onnx/model.onnx` or what stands for its
 * type, with its weights, the tokenizer, config.json, genai_config.json and a model card. The folder appears whole or not at all. Weights stream
 * into files beside the graph; memory does not grow with the model. An output that was claimed before is committed, or
 * abandoned if anything fails.
 *
 * Throws what `FolderOutput.claim` throws, `CHECKPOINT_INVALID`, `TENSOR_DTYPE` and `DISK_FULL`; later `TENSOR_DTYPE` for a
 * number that fp16 cannot hold, `DISK_FULL`, `WRITE_FAILED` and `ABORTED`.
 */
export async function writeOnnx(
  model: Model,
  graph: CarryingGraph,
  out: string | FolderOutput,
  options: WriteOnnxOptions = {},
): Promise<WrittenOnnx> {
  throwIfAborted(options.signal);
  const output = typeof out === 'string' ? await FolderOutput.claim(out, options) : out;
  return createFolder(output, async (folder) => ({
    directory: output.out,
    ...(await fill(folder, model, graph, options)),
  }));
}

async function fill(
  folder: string,
  model: Model,
  { type, graph }: CarryingGraph,
  { plan, base = model, fileBytes, progress, signal }: WriteOnnxOptions,
): Promise<Omit<WrittenOnnx, 'directory'>> {
  const name = graphNames[type];
  const own = placed({ type, graph }, fileBytes);
  const { directory } = model.source;
  const companions = (await findCompanions(directory)).filter((file) => !file.name.endsWith('.py'));
  const genai = genaiConfig(model, type);
  const weightBytes = sum(own.files);
  const texts: Record<string, string> = {
    'config.json': formatJson(
      onnxConfig(model, { type, files: own.files.length, plan }),
      await readFile(join(directory, 'config.json'), 'utf8'),
    ),
    'README.md': onnxCard(await readCard(directory), {
      ...{ model, base, plan, type, bytes: weightBytes, hasGenai: genai !== null },
    }),
    ...(genai && { 'genai_config.json': formatJson(genai) }),
    ...(plan && { 'moepress_plan.json': formatJson(plan) }),
  };
  await checkSpace(folder, weightBytes);
  await mkdir(join(folder, graphFolder));
  const task = 'Writing';
  const total = own.files
    .flatMap(({ tensors }) => tensors)
    .reduce((bytes, { tensor }) => bytes + tensor.bytes, 0);
  progress?.({ type: 'start', task, total, unit: 'bytes' });
  let done = 0;
  const count = (bytes: number) => {
    done += bytes;
    progress?.({ type: 'advance', task, done });
  };
  const graphBytes = await writeGraph(join(folder, graphFolder), { name, ...own }, { signal, count });
  progress?.({ type: 'end', task });
  await copyCompanions(companions, folder);
  for (const [file, text] of Object.entries(texts))
    await writeFile(join(folder, file), text, { flush: true });
  throwIfAborted(signal);
  const small = [
    ...companions.map(({ bytes }) => bytes),
    ...Object.values(texts).map((text) => Buffer.byteLength(text)),
  ];
  const files = [
    ...[name, ...own.files.map((file) => file.name)].map((file) => `${graphFolder}/${file}`),
    ...companions.map((file) => file.name),
    ...Object.keys(texts),
  ];
  return { bytes: small.reduce((a, b) => a + b, weightBytes + graphBytes), files: files.sort() };
}

function placed({ type, graph }: CarryingGraph, fileBytes?: number) {
  for (const tensor of graph.carried?.values() ?? []) checkEncodable(tensor);
  return placeTensors(graph, graphNames[type], fileBytes);
}

const sum = (files: readonly DataFile[]): number => files.reduce((bytes, file) => bytes + file.bytes, 0);
