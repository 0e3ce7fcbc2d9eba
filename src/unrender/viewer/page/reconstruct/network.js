// The network: ONNX Runtime compiled to WebAssembly, one thread.

import * as ort from "../vendor/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("../vendor/", import.meta.url).href;

/**
 * Load a model. `mask(picture)` gives the mask in an 8-bit picture of `size` alone, `looks(picture)` what the network
 * says about the picture and about its mirror image.
 */
export async function loadNetwork(weights, size, temperature = 1) {
  const session = await ort.InferenceSession.create(weights, { executionProviders: ["wasm"] });
  const mirrors = session.inputNames.includes("looks");
  const run = (picture, count) => {
    const inputs = { image: tensorOf(picture, size) };
    if (mirrors) inputs.looks = new ort.Tensor("int64", BigInt64Array.from([0n, 1n].slice(0, count)), [count]);
    return session.run(inputs);
  };
  const mask = async (picture) => maskOf(await run(picture, 0));
  const looks = async (picture) => {
    if (mirrors) {
      const outputs = await run(picture, 2);
      const found = maskOf(outputs);
      return [
        guess(outputs, 0, found, temperature),
        guess(outputs, 1, { ...found, mask: turnedRound(found.mask, found.maskSize, 1) }, temperature),
      ];
    }
    const turned = { ...picture, data: turnedRound(picture.data, picture.width, picture.channels) };
    const both = [await run(picture, 1), await run(turned, 1)];
    return both.map((outputs) => guess(outputs, 0, maskOf(outputs), temperature));
  };
  return { mask, looks };
}

/** A picture, or rows of `channels` values of a square, from right to left. */
export function turnedRound(data, width, channels) {
  const result = new data.constructor(data.length);
  for (let at = 0; at < data.length / channels; at++) {
    const other = at - (at % width) + (width - 1 - (at % width));
    for (let c = 0; c < channels; c++) result[channels * at + c] = data[channels * other + c];
  }
  return result;
}

function tensorOf(picture, size) {
  const plane = size * size;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) values[c * plane + i] = picture.data[3 * i + c] / 255;
  }
  return new ort.Tensor("float32", values, [1, 3, size, size]);
}

function maskOf({ mask_logits: logits }) {
  return { mask: Float32Array.from(logits.data, (value) => 1 / (1 + Math.exp(-value))), maskSize: logits.dims.at(-1) };
}

/** What the outputs of one look mean; the same as `unrender.network.runtime.Guess`. */
function guess(outputs, look, found, temperature) {
  const part = ({ data, dims }) => data.slice((look * data.length) / dims[0], ((look + 1) * data.length) / dims[0]);
  const { coefficients, texture } = outputs;
  return {
    ...found,
    rotations: rows(Float64Array.from(part(outputs.rotations)), 9),
    logProbabilities: logSoftmax(part(outputs.hypothesis_logits)),
    coefficients: rows(part(coefficients), coefficients.dims.at(-1)),
    light: part(outputs.light),
    texture: part(texture),
    textureSize: texture.dims.at(-1),
    categories: logSoftmax(Array.from(outputs.category_logits.data, (value) => value / temperature)).map(Math.exp),
  };
}

/** One array for each shape category. */
function rows(values, width) {
  return Array.from({ length: values.length / width }, (_, k) => values.slice(k * width, (k + 1) * width));
}

/** Logarithms of the probabilities that logits stand for. */
export function logSoftmax(logits) {
  const top = Math.max(...logits);
  const total = Array.from(logits, (value) => Math.exp(value - top)).reduce((sum, value) => sum + value, 0);
  return Array.from(logits, (value) => value - top - Math.log(total));
}
