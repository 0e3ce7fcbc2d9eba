// The model's files: card, network, shape space, the template that all shapes share, and what the loop holds to.

import { loadNetwork } from "./network.js";
import { readSafetensors } from "./safetensors.js";

/** Load everything under `base` (a URL that ends in "/"). */
export async function loadAssets(base) {
  const json = (name) => get(base, name).then((response) => response.json());
  const bytes = (name) => get(base, name).then((response) => response.arrayBuffer());
  const [card, settings, weights, shapes, template, loop] = await Promise.all([
    json("model.json"), json("loop.json"),
    bytes("model.onnx"), bytes("shapes.safetensors"), bytes("template.safetensors"), bytes("loop.safetensors"),
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
    loop: { settings, tables: readSafetensors(loop) },
    atlas: { face: table("texel_face"), weights: table("texel_weights") },
  };
}

async function get(base, name) {
  const response = await fetch(new URL(name, base));
  if (!response.ok) throw new Error(`The file ${name} of the model could not be loaded (${response.status}).`);
  return response;
}
