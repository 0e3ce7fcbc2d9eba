// Drawing a mesh as the photo's camera sees it, lit as the photo was: by the renderer's own rules, on the CPU.

import { toClip } from "../reconstruct/camera.js";
import { LINEAR_OF_BYTE, shade, toByte } from "../reconstruct/light.js";
import { surfacePoints, visibleFaces } from "../reconstruct/rasterize.js";

/** ImageData of a mesh (from `readGlb`); `texture` is its decoded picture; transparent where nothing is. */
export function drawMesh(mesh, texture, camera, light, width, height) {
  const sx = width / camera.width;
  const sy = height / camera.height;
  const view = { ...camera, width, height, fx: camera.fx * sx, fy: camera.fy * sy, cx: camera.cx * sx, cy: camera.cy * sy };
  const clip = toClip(view, mesh.positions);
  const index = visibleFaces(clip, mesh.indices, width, height);
  const { weights } = surfacePoints(clip, mesh.indices, index, width, height);
  const image = new ImageData(width, height);
  for (let at = 0; at < index.length; at++) {
    if (index[at] < 0) continue;
    let [u, v, nx, ny, nz] = [0, 0, 0, 0, 0];
    for (let k = 0; k < 3; k++) {
      const vertex = mesh.indices[3 * index[at] + k];
      const weight = weights[3 * at + k];
      u += weight * mesh.uvs[2 * vertex];
      v += weight * mesh.uvs[2 * vertex + 1];
      nx += weight * mesh.normals[3 * vertex];
      ny += weight * mesh.normals[3 * vertex + 1];
      nz += weight * mesh.normals[3 * vertex + 2];
    }
    const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
    const shading = mesh.unlit ? [1, 1, 1] : shade(nx / length, ny / length, nz / length, light, 0);
    const colour = sample(texture, u, v);
    for (let c = 0; c < 3; c++) image.data[4 * at + c] = toByte(colour[c] * shading[c]);
    image.data[4 * at + 3] = 255;
  }
  return image;
}

/** Bilinear look-up in linear light; (0, 0) is the top left. */
function sample({ data, width, height }, u, v) {
  const x = Math.min(Math.max(u * width - 0.5, 0), width - 1);
  const y = Math.min(Math.max(v * height - 0.5, 0), height - 1);
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [x1, y1] = [Math.min(x0 + 1, width - 1), Math.min(y0 + 1, height - 1)];
  const [fx, fy] = [x - x0, y - y0];
  const texel = (row, column, c) => LINEAR_OF_BYTE[data[3 * (row * width + column) + c]];
  return [0, 1, 2].map(
    (c) =>
      (texel(y0, x0, c) * (1 - fx) + texel(y0, x1, c) * fx) * (1 - fy) +
      (texel(y1, x0, c) * (1 - fx) + texel(y1, x1, c) * fx) * fy,
  );
}
