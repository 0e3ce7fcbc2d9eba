// Pinhole cameras that look down -Z: u = cx + fx X / -Z, v = cy - fy Y / -Z.

import { rotate } from "./placement.js";

export const FOV_DEGREES = 30;

/** Focal length in pixels of a square picture of `size` pixels. */
export function focalLength(size) {
  return (0.5 * size) / Math.tan((FOV_DEGREES * Math.PI) / 360);
}

/** The centred camera of a square crop. */
export function cropCamera(size, rotation, translation) {
  const focal = focalLength(size);
  return { width: size, height: size, fx: focal, fy: focal, cx: size / 2, cy: size / 2, rotation, translation };
}

/** The camera of the whole photo of which `camera`'s picture is the square `crop`. */
export function wholeCamera(camera, crop, width, height) {
  const scale = crop.side / camera.width;
  return {
    ...camera, width, height, fx: camera.fx * scale, fy: camera.fy * scale,
    cx: camera.cx * scale + crop.x, cy: camera.cy * scale + crop.y,
  };
}

/** Points [V x 3] in the camera's frame, Float64Array. */
export function toCamera(camera, points) {
  const local = rotate(points, camera.rotation);
  for (let i = 0; i < local.length; i++) local[i] += camera.translation[i % 3];
  return local;
}

/** Clip coordinates [V x 4] (x, y, z, w), single precision, OpenGL depth between `near` and `far`. */
export function toClip(camera, points, near = 0.05, far = 100) {
  const local = toCamera(camera, points);
  const clip = new Float32Array((points.length / 3) * 4);
  for (let i = 0, j = 0; i < local.length; i += 3, j += 4) {
    const [x, y, z] = [local[i], local[i + 1], local[i + 2]];
    clip[j] = ((2 * camera.fx) / camera.width) * x - ((2 * camera.cx) / camera.width - 1) * z;
    clip[j + 1] = ((2 * camera.fy) / camera.height) * y - (1 - (2 * camera.cy) / camera.height) * z;
    clip[j + 2] = ((far + near) / (near - far)) * z + (2 * far * near) / (near - far);
    clip[j + 3] = -z;
  }
  return clip;
}

/** The `camera` entry of the JSON record. */
export function cameraToJson(camera) {
  const { rotation: r, translation: t } = camera;
  const matrix = [0, 1, 2].map((row) => [r[3 * row], r[3 * row + 1], r[3 * row + 2], t[row]]);
  const { width, height, fx, fy, cx, cy } = camera;
  return { convention: "opengl", width, height, fx, fy, cx, cy, world_to_camera: [...matrix, [0, 0, 0, 1]] };
}

/** The camera of a JSON record. */
export function cameraFromJson(entry) {
  const rows = entry.world_to_camera.slice(0, 3);
  return { ...entry, rotation: rows.flatMap((row) => row.slice(0, 3)), translation: rows.map((row) => row[3]) };
}
