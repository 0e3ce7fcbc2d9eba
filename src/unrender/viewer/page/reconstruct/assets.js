// The model's files: card, network, shape space, and the template that all shapes share.

import { loadNetwork } from "./network.js";
import { readSafetensors } from "./safetensors.js";

/** Load everything under `base` (a URL that ends in "/"). */
export async function loadAssets(base) {
  const [card, weights, shapes, template] = await Promise.all([
    get(base, "model.json").then((response) => response.json()),
    get(base, "model.onnx").then((response) => response.arrayBuffer()),
    get(base, "shapes.safetensors").then((response) => response.arrayBuffer()),
    get(base, "template.safetensors").then((response) => response.arrayBuffer()),
  ]);
  const tables = readSafetensors(template);
  const table = (name) => tables.get(name).values;
  return {
    card,
    network: await loadNetwork(new Uint8Array(weights), card.image_size, card.temperature),
    spaces: readSafetensors(shapes),
    template: {
      faces: table("faces"), uvs: table("uvs"), uvFaces: table("uv_faces"), uvVertices: table("uv_vertices"),
    },
    atlas: { face: table("texel_face"), weights: table("texel_weights") },
  };
}

async function get(base, name) {
  const response = await fetch(new URL(name, base));
  if (!response.ok) throw new Error(`The file ${name} of the model could not be loaded (${response.status}).`);
  return response;
}
