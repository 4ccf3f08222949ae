const encoder = new TextEncoder();

/**
 * Writes the protobuf wire format into one growing buffer. Nested messages are written in place and
 * their length patched in afterwards, so encoding a graph allocates almost nothing.
 */
export class WireWriter {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  /** A varint field; negative numbers in 64-bit two's complement. */
  integer(field: number, value: number): void {
    this.#varint(field << 3);
    if (value >= 0) this.#varint(value);
    else this.#varint64(BigInt.asUintN(64, BigInt(value)));
  }

  float(field: number, value: number): void {
    this.#varint((field << 3) | 5);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  string(field: number, value: string): void {
    this.bytes(field, encoder.encode(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint((field << 3) | 2);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** A nested message. Its length takes a fixed five-byte varint, which readers accept. */
  message(field: number, write: () => void): void {
    this.#varint((field << 3) | 2);
    this.#reserve(5);
    const start = this.#length;
    this.#length += 5;
    write();
    let size = this.#length - start - 5;
    for (let i = 0; i < 5; i++) {
      this.#bytes[start + i] = (size & 0x7f) | (i < 4 ? 0x80 : 0);
      size >>>= 7;
    }
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Up to 2^53; division instead of shifts, which would cut to 32 bits. */
  #varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #varint64(value: bigint): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
