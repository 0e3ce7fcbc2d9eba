// The texture: the photo where the surface is seen, its mirror image where that helps, else the predicted colour.

import { vertexNormals } from "../mesh/normals.js";
import { rotate } from "./placement.js";
import { toCamera } from "./camera.js";
import { LINEAR_OF_BYTE, shade, toByte } from "./light.js";
import { pullPush } from "./pull_push.js";

const MIRROR_TRUST = 0.85;
/** Cosines to the view below which a texel counts as not seen, and from which on as seen in full. */
const FACING = [0.02, 0.14];
const DEPTH_TOLERANCE = 0.03;

/** Confidence that a pixel's colour is the object's: the mask, its edge made steeper. */
function inside(mask) {
  return mask.map((value) => Math.min(Math.max(4 * value - 1.5, 0), 1));
}

const norm = (x, y, z) => Math.sqrt(x * x + y * y + z * z);

/** Where each texel lies: in the camera's frame, with its normals in the object's and the camera's frame. */
function texelPoints(atlas, faces, local, normals, facing) {
  const count = atlas.face.length;
  const result = { local: new Float32Array(3 * count), normal: new Float32Array(3 * count), facing: new Float32Array(3 * count) };
  for (let at = 0; at < count; at++) {
    if (atlas.face[at] < 0) continue;
    for (let k = 0; k < 3; k++) {
      const vertex = 3 * faces[3 * atlas.face[at] + k];
      const weight = atlas.weights[3 * at + k];
      for (let c = 0; c < 3; c++) {
        result.local[3 * at + c] += weight * local[vertex + c];
        result.normal[3 * at + c] += weight * normals[vertex + c];
        result.facing[3 * at + c] += weight * facing[vertex + c];
      }
    }
  }
  return result;
}

/** Colours of the texels in the photo, and how far each can be trusted. */
function gather(atlas, points, view) {
  const { photo, trust, size, focal, depth, cells } = view;
  const count = atlas.face.length;
  const colour = new Float32Array(3 * count);
  const confidence = new Float32Array(count);
  for (let at = 0; at < count; at++) {
    if (atlas.face[at] < 0) continue;
    const [i, j, k] = [3 * at, 3 * at + 1, 3 * at + 2];
    const [x, y, z] = [points.local[i], points.local[j], points.local[k]];
    const { normal, facing } = points;
    const length = norm(normal[i], normal[j], normal[k]) + 1e-8;
    for (let c = 0; c < 3; c++) normal[i + c] /= length;
    let u = 0.5 * size + (focal * x) / -z;
    let v = 0.5 * size - (focal * y) / -z;
    let cosine = -(facing[i] * x + facing[j] * y + facing[k] * z) / (length * norm(x, y, z) + 1e-8);
    if (u < 0 || v < 0 || u >= size || v >= size) {
      u = Math.min(Math.max(u, 0), size - 1);
      v = Math.min(Math.max(v, 0), size - 1);
      cosine = 0;
    }
    const pu = Math.min(Math.max(u - 0.5, 0), size - 1.001);
    const pv = Math.min(Math.max(v - 0.5, 0), size - 1.001);
    const [a, b] = [Math.trunc(pv), Math.trunc(pu)];
    const [fy, fx] = [pv - a, pu - b];
    const between = (values, at, step) => {
      const top = values[at] * (1 - fx) + values[at + step] * fx;
      const low = values[at + step * size] * (1 - fx) + values[at + step * (size + 1)] * fx;
      return top * (1 - fy) + low * fy;
    };
    const corner = a * size + b;
    for (let c = 0; c < 3; c++) colour[i + c] = between(photo, 3 * corner + c, 3);
    if (cosine <= FACING[0]) continue;
    const row = Math.min(Math.trunc((v * cells) / size), cells - 1);
    const column = Math.min(Math.trunc((u * cells) / size), cells - 1);
    const seen = depth[row * cells + column];
    if (seen > 0 && -z > seen + DEPTH_TOLERANCE) continue;
    const slope = Math.min(Math.max((cosine - FACING[0]) / (FACING[1] - FACING[0]), 0), 1);
    confidence[at] = between(trust, corner, 1) * slope * slope * (3 - 2 * slope);
  }
  return { colour, confidence };
}

/** The value below which a share `q` of the values lies, linearly interpolated. */
function quantile(values, q) {
  const sorted = Float32Array.from(values).sort();
  const place = q * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (place - low);
}

/** How much brighter the light must be for the albedo of what is surely seen (every other texel) to stay within 1. */
function exposure(colour, confidence) {
  const brightest = [];
  const size = Math.sqrt(confidence.length);
  for (let row = 0; row < size; row += 2) {
    for (let at = row * size; at < (row + 1) * size; at += 2) {
      if (confidence[at] > 0.5) brightest.push(Math.max(colour[3 * at], colour[3 * at + 1], colour[3 * at + 2]));
    }
  }
  return brightest.length ? Math.max(1, quantile(brightest, 0.98)) : 1;
}

/**
 * Texture of the template's atlas.
 *
 * shape: {vertices, faces}; camera: of the crop; crop: 8-bit picture; mask: [N x N] of the crop; depth: [M x M];
 * predicted: linear albedo [T x T x 3]; light: [9 x 3]; lit: keep the photo's light in the colours.
 * Returns {texture: Uint8Array [T x T x 3] sRGB, light}.
 */
export function bake({ shape, camera, atlas, crop, mask, depth, predicted, light, lit }) {
  const size = crop.width;
  const local = Float32Array.from(toCamera(camera, shape.vertices));
  const normals = vertexNormals(shape.vertices, shape.faces);
  const facing = Float32Array.from(rotate(normals, camera.rotation));
  const trust = inside(mask);
  const photo = new Float32Array(crop.data.length);
  for (let i = 0; i < photo.length; i++) photo[i] = LINEAR_OF_BYTE[crop.data[i]];
  pullPush(photo, trust.map((value) => (value > 0.5 ? 1 : 0)), size);

  const points = texelPoints(atlas, shape.faces, local, normals, facing);
  const cells = Math.sqrt(depth.length);
  const { colour, confidence } = gather(atlas, points, { photo, trust, size, focal: camera.fx, depth, cells });
  const base = Float32Array.from(predicted);
  for (let at = 0; at < confidence.length; at++) {
    const shading = shade(points.normal[3 * at], points.normal[3 * at + 1], points.normal[3 * at + 2], light);
    for (let c = 0; c < 3; c++) {
      if (lit) base[3 * at + c] *= shading[c];
      else colour[3 * at + c] /= shading[c];
    }
  }
  if (!lit) {
    const gain = exposure(colour, confidence);
    for (let i = 0; i < colour.length; i++) [colour[i], base[i]] = [colour[i] / gain, base[i] / gain];
    light = Float32Array.from(light, (value) => value * gain);
  }
  return { texture: blend(colour, confidence, base, Math.sqrt(confidence.length)), light };
}

/** What is seen here or on the mirrored side, carried over smoothly into the predicted colour. */
function blend(colour, confidence, base, side) {
  const known = new Float32Array(confidence.length);
  const difference = new Float32Array(colour.length);
  for (let at = 0; at < known.length; at++) {
    const mirrored = at - (at % side) + (side - 1 - (at % side));
    const twin = confidence[mirrored] * MIRROR_TRUST * (1 - confidence[at]);
    known[at] = confidence[at] + twin;
    for (let c = 0; c < 3; c++) {
      const sum = confidence[at] * colour[3 * at + c] + twin * colour[3 * mirrored + c];
      difference[3 * at + c] = sum / Math.max(known[at], 1e-6) - base[3 * at + c];
    }
  }
  pullPush(difference, known, side);
  const texture = new Uint8Array(base.length);
  for (let i = 0; i < texture.length; i++) texture[i] = toByte(base[i] + difference[i]);
  return texture;
}
