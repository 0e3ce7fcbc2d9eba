// Reading safetensors files: a length, a JSON table of contents, and the numbers.

/** Map of name -> {shape, values} of a file in an ArrayBuffer. Half floats become Float32Array. */
export function readSafetensors(buffer) {
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  const contents = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = new Map();
  for (const [name, entry] of Object.entries(contents)) {
    if (name === "__metadata__") continue;
    const [begin, end] = entry.data_offsets;
    const bytes = buffer.slice(8 + length + begin, 8 + length + end);
    tensors.set(name, { shape: entry.shape, values: decode(entry.dtype, bytes) });
  }
  return tensors;
}

function decode(dtype, bytes) {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "I32") return new Int32Array(bytes);
  if (dtype === "U8" || dtype === "BOOL") return new Uint8Array(bytes);
  if (dtype === "F16") return Float32Array.from(new Uint16Array(bytes), fromHalf);
  throw new Error(`The model's files hold numbers of an unknown kind (${dtype}).`);
}

/** The value of an IEEE 754 half-precision float, given its 16 bits. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
