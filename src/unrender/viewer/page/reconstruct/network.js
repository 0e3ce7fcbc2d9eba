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
  const best = hypotheses.data.reduce((at, value, i, all) => (value > all[at] ? i : at), 0);
  return {
    mask: Float32Array.from(mask.data, (value) => 1 / (1 + Math.exp(-value))),
    maskSize: mask.dims.at(-1),
    rotation: Float64Array.from(rotations.data.slice(9 * best, 9 * best + 9)),
    coefficients: rows(coefficients.data, coefficients.dims.at(-1)),
    light: light.data,
    texture: texture.data,
    textureSize: texture.dims.at(-1),
    categories: softmax(Array.from(categories.data, (value) => value / temperature)),
  };
}

/** One array for each shape category. */
function rows(values, width) {
  return Array.from({ length: values.length / width }, (_, k) => values.slice(k * width, (k + 1) * width));
}

function softmax(logits) {
  const top = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - top));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}
