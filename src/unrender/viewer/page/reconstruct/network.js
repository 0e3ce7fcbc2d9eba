// The network: ONNX Runtime compiled to WebAssembly, one thread.

import * as ort from "../vendor/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("../vendor/", import.meta.url).href;

/** Load a model; returns a function from an 8-bit picture of `size` to what the network says about it. */
export async function loadNetwork(weights, size, temperature = 1) {
  const session = await ort.InferenceSession.create(weights, { executionProviders: ["wasm"] });
  return async (picture) => {
    const plane = size * size;
    const values = new Float32Array(3 * plane);
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) values[c * plane + i] = picture.data[3 * i + c] / 255;
    }
    const input = new ort.Tensor("float32", values, [1, 3, size, size]);
    const outputs = await session.run({ [session.inputNames[0]]: input });
    return guess(outputs, temperature);
  };
}

/** What the outputs mean; the same as `unrender.network.runtime.Guess`. */
function guess(outputs, temperature) {
  const { mask_logits: mask, rotations, hypothesis_logits: hypotheses, category_logits: categories } = outputs;
  const { coefficients, light, texture } = outputs;
  return {
    mask: Float32Array.from(mask.data, (value) => 1 / (1 + Math.exp(-value))),
    maskSize: mask.dims.at(-1),
    rotations: rows(Float64Array.from(rotations.data), 9),
    logProbabilities: logSoftmax(hypotheses.data),
    coefficients: rows(coefficients.data, coefficients.dims.at(-1)),
    light: light.data,
    texture: texture.data,
    textureSize: texture.dims.at(-1),
    categories: logSoftmax(Array.from(categories.data, (value) => value / temperature)).map(Math.exp),
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
