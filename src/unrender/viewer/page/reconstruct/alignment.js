// Where the object is and how large, from area and centroid of its mask; the same as `unrender.reconstruct.alignment`.

import { cropCamera, focalLength, toClip } from "./camera.js";
import { visibleFaces } from "./rasterize.js";

const ROUNDS = 3;

/** Ones and zeros [size x size]: what a shape {vertices, faces} covers. */
function silhouette(shape, rotation, translation, size) {
  const clip = toClip(cropCamera(size, rotation, translation), shape.vertices);
  return Uint8Array.from(visibleFaces(clip, shape.faces, size, size), (face) => (face >= 0 ? 1 : 0));
}

/** Area and centroid of ones among zeros [size x size]; null where they are hardly any. */
function momentsOf(covered, size) {
  let [area, u, v] = [0, 0, 0];
  covered.forEach((one, at) => {
    area += one;
    u += one * ((at % size) + 0.5);
    v += one * (Math.trunc(at / size) + 0.5);
  });
  return area < 4 ? null : { area, u: u / area, v: v / area };
}

/**
 * The translation that gives the silhouette the mask's area and centroid. `shape` {vertices, faces}; `mask` of ones and
 * zeros [size x size]; `start` [x, y, z] places it roughly.
 */
export function align(shape, mask, rotation, start, size) {
  const aim = momentsOf(mask, size);
  let [x, y, z] = start;
  for (let round = 0; round < ROUNDS; round++) {
    const seen = momentsOf(silhouette(shape, rotation, [x, y, z], size), size);
    if (!aim || !seen) break;
    const nearer = Math.sqrt(aim.area / seen.area);
    const depth = -z / nearer;
    const scale = depth / focalLength(size);
    x = x / nearer + (aim.u - size / 2 - nearer * (seen.u - size / 2)) * scale;
    y = y / nearer - (aim.v - size / 2 - nearer * (seen.v - size / 2)) * scale;
    z = -depth;
  }
  return [x, y, z];
}
