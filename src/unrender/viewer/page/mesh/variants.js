// The same mesh shown in other ways: without its texture, with its normals as colours, with its edges.

import { writeGlb } from "./glb_write.js";

/** A GLB file of a mesh as `readGlb` gives it. */
export function variant(mesh, { texture = true, normals = false, wireframe = false }) {
  const { positions, normals: directions, uvs, indices } = mesh;
  const shown = { positions, normals: directions, uvs, indices };
  if (normals) shown.colors = Float32Array.from(directions, (value) => (0.5 * value + 0.5) ** 2.2);
  else if (texture && mesh.image) shown.image = mesh.image;
  else shown.colors = new Float32Array(positions.length).fill(0.6);
  if (wireframe) shown.lines = edges(indices);
  return writeGlb(shown, { unlit: normals || (mesh.unlit && texture) });
}

/** Pairs of vertices, each edge once. */
function edges(indices) {
  const seen = new Set();
  const result = [];
  for (let f = 0; f < indices.length; f += 3) {
    for (const [a, b] of [[0, 1], [1, 2], [2, 0]]) {
      const [low, high] = [indices[f + a], indices[f + b]].sort((x, y) => x - y);
      const key = low * 2 ** 24 + high;
      if (!seen.has(key)) result.push(low, high);
      seen.add(key);
    }
  }
  return result;
}
