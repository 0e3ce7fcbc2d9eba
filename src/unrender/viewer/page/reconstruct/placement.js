// Where the camera stands: the translation with which a turned shape fills the mask's extent.

const X = 0, Y = 1, Z = 2;

/** Rows of `points` [V x 3] multiplied by the transpose of a row-major 3 x 3 rotation. */
export function rotate(points, rotation) {
  const result = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 3) {
    for (let row = 0; row < 3; row++) {
      result[i + row] =
        rotation[3 * row] * points[i] + rotation[3 * row + 1] * points[i + 1] + rotation[3 * row + 2] * points[i + 2];
    }
  }
  return result;
}

function range(points, axis, value = (p, i) => p[i + axis]) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < points.length; i += 3) {
    const v = value(points, i);
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return { low, high, span: high - low };
}

/**
 * Translation [x, y, z] into the camera's frame for rotated points [V x 3]: four fixed-point iterations of the
 * weak-perspective solution. `extent` in pixels of a square picture of `size`, `focal` in pixels.
 */
export function place(points, extent, focal, size) {
  const [left, top, right, bottom] = extent;
  const diagonal = Math.max(Math.hypot(right - left, bottom - top), 1);
  const centreU = 0.5 * (left + right) - 0.5 * size;
  const centreV = 0.5 * (top + bottom) - 0.5 * size;
  const z = range(points, Z);
  const spread = Math.hypot(range(points, X).span, range(points, Y).span);
  const farthest = Math.max(Math.abs(z.low), Math.abs(z.high));
  let depth = Math.max((focal * spread) / diagonal, 1.5 * farthest + 0.1);
  let [tx, ty, tz] = [0, 0, -depth];
  for (let step = 0; step < 4; step++) {
    const u = range(points, X, (p, i) => (focal * (p[i] + tx)) / -(p[i + 2] + tz));
    const v = range(points, Y, (p, i) => (-focal * (p[i + 1] + ty)) / -(p[i + 2] + tz));
    const ratio = Math.hypot(u.span, v.span) / diagonal;
    depth = Math.max(-tz * ratio, 1.2 * z.high + 0.1);
    const scale = depth / focal;
    tx = (tx * depth) / -tz + (centreU - (0.5 * (u.high + u.low)) / ratio) * scale;
    ty = (ty * depth) / -tz - (centreV - (0.5 * (v.high + v.low)) / ratio) * scale;
    tz = -depth;
  }
  return [tx, ty, tz];
}
