// Signed distance to a mask's outline, and points with normals on the outline; the same as
// `unrender.reconstruct.distance`.

const FAR = 1e12;

/** Squared distances along one line: lower envelope of parabolas (Felzenszwalb and Huttenlocher, 2012). */
function squaredLine(values, count, out, sites, bounds) {
  let last = 0;
  sites[0] = 0;
  bounds[0] = -FAR;
  bounds[1] = FAR;
  for (let q = 1; q < count; q++) {
    let crossing;
    for (;;) {
      const p = sites[last];
      crossing = (values[q] + q * q - (values[p] + p * p)) / (2 * (q - p));
      if (crossing > bounds[last]) break;
      last--;
    }
    last++;
    sites[last] = q;
    bounds[last] = crossing;
    bounds[last + 1] = FAR;
  }
  for (let q = 0, k = 0; q < count; q++) {
    while (bounds[k + 1] < q) k++;
    const p = sites[k];
    out[q] = (q - p) * (q - p) + values[p];
  }
}

/** In place: squared distance of every cell [size x size] to the nearest that holds 0. */
function squaredDistance(field, size) {
  const sites = new Int32Array(size + 1);
  const bounds = new Float64Array(size + 2);
  const line = new Float64Array(size);
  const out = new Float64Array(size);
  for (const [step, next] of [[size, 1], [1, size]]) {
    for (let at = 0; at < size; at++) {
      for (let i = 0; i < size; i++) line[i] = field[at * next + i * step];
      squaredLine(line, size, out, sites, bounds);
      for (let i = 0; i < size; i++) field[at * next + i * step] = out[i];
    }
  }
}

/** Distance in pixels of each pixel's centre to the outline of ones among zeros [size x size]: inside negative. */
export function signedDistance(mask, size) {
  const [some, all] = [mask.includes(1), !mask.includes(0)];
  if (!some || all) return new Float64Array(size * size).fill(some ? -2 * size : 2 * size);
  const outside = Float64Array.from(mask, (one) => (one ? 0 : FAR));
  const inside = Float64Array.from(mask, (one) => (one ? FAR : 0));
  squaredDistance(outside, size);
  squaredDistance(inside, size);
  return outside.map((value, at) => {
    const distance = Math.sqrt(value) - Math.sqrt(inside[at]);
    return distance - 0.5 * Math.sign(distance);
  });
}

/** Derivative of `field` [size x size] at (row, column) by the row (step = size) or column (step = 1). */
function slope(field, size, row, column, step) {
  const at = row * size + column;
  const place = step === 1 ? column : row;
  if (place === 0) return field[at + step] - field[at];
  if (place === size - 1) return field[at] - field[at - step];
  return 0.5 * (field[at + step] - field[at - step]);
}

/**
 * About `count` points evenly over the 0.5 level of a mask [size x size] in [0, 1], and the outward unit normals:
 * {points, normals}, Float64Array [N x 2], (u, v) in pixels.
 */
export function outline(probability, size, count) {
  const field = Float64Array.from(probability, (value) => value - 0.5);
  const found = [];
  for (const step of [size, 1]) {
    const [rows, columns] = step === size ? [size - 1, size] : [size, size - 1];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [first, second] = [field[row * size + column], field[row * size + column + step]];
        if (first > 0 === second > 0) continue;
        const fraction = first / (first - second);
        const [down, right] = step === size ? [fraction, 0] : [0, fraction];
        const [y, x] = [row + (down > 0.5 ? 1 : 0), column + (right > 0.5 ? 1 : 0)];
        const [gu, gv] = [-slope(field, size, y, x, 1), -slope(field, size, y, x, size)];
        const length = Math.max(Math.hypot(gu, gv), 1e-9);
        found.push([column + right + 0.5, row + down + 0.5, gu / length, gv / length]);
      }
    }
  }
  const every = Math.max(1, roundHalfEven(found.length / count));
  const kept = found.filter((_, i) => i % every === 0);
  return {
    points: Float64Array.from(kept.flatMap(([u, v]) => [u, v])),
    normals: Float64Array.from(kept.flatMap(([, , nu, nv]) => [nu, nv])),
  };
}

function roundHalfEven(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}
