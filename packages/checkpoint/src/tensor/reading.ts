import {
  type ConstantExpr,
  constantNumbers,
  type StoredTensor,
  type TensorExpr,
} from '@moepress/core/tensor';
import { invalidCheckpoint } from '../files/file-errors.js';
import { OpenFiles, type SourceFiles } from '../files/open-files.js';
import { Buffers, type Bytes } from './buffers.js';
import { type ComputingReader, compute } from './computed.js';
import { type FloatType, fromFloat32 } from './float.js';
import { bytesIn, type Leaf, type Piece, piecesOf, sizeOf } from './pieces.js';
import { type Place, type Span, spansOf } from './spans.js';
import { mostTransposedBytes, Transposes } from './transpose.js';

/** A piece's bytes in its file, or in the leaf that is to be computed. */
interface Source extends Place {
  readonly of: Leaf;
}

/**
 * One piece of work that reads expressions, several at a time if it likes: its open files and its buffers. Every
 * expression puts its bytes where it is told and asks its operands for the ranges it needs, so memory is
 * bounded by the block and not by the tensor, but for matrices that are transposed. Close it when done.
 */
export class Reading implements ComputingReader {
  readonly buffers = new Buffers();
  readonly transposes: Transposes;
  /** What operands are read by, about. */
  readonly blockBytes: number;
  readonly #files: SourceFiles;

  /** `transposedBytes`: bytes of matrices that are kept to be transposed. */
  constructor(
    blockBytes: number,
    files: SourceFiles = new OpenFiles(),
    transposedBytes: number = mostTransposedBytes,
  ) {
    this.blockBytes = blockBytes;
    this.#files = files;
    this.transposes = new Transposes(this, transposedBytes);
  }

  /**
   * Elements [begin, end) of `expr` into `target`, which is as long. Throws `CHECKPOINT_NOT_FOUND` or
   * `CHECKPOINT_INVALID` if a file went away or shrank, `TENSOR_DTYPE` for a sum of integer tensors.
   */
  read(expr: TensorExpr, begin: number, end: number, target: Bytes): Promise<void> {
    return this.fill(piecesOf(expr, begin, end), target);
  }

  /** Pieces one after the other into `target`, which is as long as they are. Throws as `read`. */
  async fill(pieces: Iterable<Piece>, target: Bytes): Promise<void> {
    const sources = new Map<string | Leaf, Source[]>();
    let at = 0;
    for (const piece of pieces) {
      const { of } = piece;
      const bytes = bytesIn(piece);
      if (of.kind === 'zeros') {
        target.fill(0, at, at + bytes);
      } else if (of.kind === 'constant') {
        const begin = piece.begin * sizeOf(of);
        target.set(constantBytes(of).subarray(begin, begin + bytes), at);
      } else {
        const begin = piece.begin * sizeOf(of) + (of.kind === 'stored' ? of.offset : 0);
        const key = of.kind === 'stored' ? of.file : of;
        const known = sources.get(key);
        const source = { of, begin, end: begin + bytes, at };
        if (known) known.push(source);
        else sources.set(key, [source]);
      }
      at += bytes;
    }
    for (const places of sources.values()) {
      // To skip what would have to be computed saves more than to skip what would have to be read.
      const short = this.blockBytes / (places[0]!.of.kind === 'stored' ? 16 : 64);
      for (const span of spansOf(places, short, this.blockBytes)) await this.#place(span, target);
    }
  }

  async #place(span: Span<Source>, target: Bytes): Promise<void> {
    const { begin, end, places, at } = span;
    if (at !== null) return this.#read(span, target.subarray(at, at + end - begin));
    await this.buffers.lend(end - begin, async (buffer) => {
      await this.#read(span, buffer);
      for (const place of places) {
        target.set(buffer.subarray(place.begin - begin, place.end - begin), place.at);
      }
    });
  }

  async #read({ begin, end, places }: Span<Source>, target: Bytes): Promise<void> {
    const { of } = places[0]!;
    if (of.kind !== 'stored') {
      await compute({ of, begin: begin / sizeOf(of), end: end / sizeOf(of) }, target, this);
      return;
    }
    const done = await this.#files.read(of.file, begin, target);
    if (done === target.length) return;
    const { of: cut } = places.find((place) => place.end > begin + done)!;
    const missing = target.length - done;
    throw invalidCheckpoint(
      `The file ends ${missing} bytes early`,
      `${of.file}: ${(cut as StoredTensor).name}`,
    );
  }

  async close(): Promise<void> {
    await this.#files.close();
  }
}

/** The numbers of a constant in its type. */
function constantBytes(expr: ConstantExpr): Uint8Array {
  return fromFloat32(constantNumbers(expr), expr.dtype as FloatType);
}
