// Outlines that follow the photo: a soft mask by the guided filter (He, Sun and Tang, ECCV 2010), as in
// `unrender.reconstruct.guided`.

const RADIUS = 6;
const STRENGTH = 1e-3 * 255 ** 2;

/** A mask [size, size] whose outline follows the edges of a picture {data, width, height} of the same size. */
export function guidedMask(picture, mask) {
  const { data, width: size } = picture;
  const lines = new Float64Array(4 * size * size);
  sumsOfWindows(size, 13, (at, out) => {
    const [r, g, b, p] = [data[3 * at], data[3 * at + 1], data[3 * at + 2], mask[at]];
    out.set([r, g, b, p, r * p, g * p, b * p, r * r, r * g, r * b, g * g, g * b, b * b]);
  }, (window, count, at) => lines.set(fit(window, count), 4 * at));
  const result = new Float32Array(size * size);
  sumsOfWindows(size, 4, (at, out) => out.set(lines.subarray(4 * at, 4 * at + 4)), (window, count, at) => {
    let value = window[3];
    for (let k = 0; k < 3; k++) value += window[k] * data[3 * at + k];
    result[at] = Math.min(Math.max(value / count, 0), 1);
  });
  return result;
}

/** Slopes by red, green and blue, and the constant, of a window with these sums. */
function fit(window, count) {
  const [r, g, b, p, wrp, wgp, wbp, wrr, wrg, wrb, wgg, wgb, wbb] = window.map((value) => value / count);
  const [rp, gp, bp] = [wrp - r * p, wgp - g * p, wbp - b * p];
  const [rr, rg, rb] = [wrr - r * r + STRENGTH, wrg - r * g, wrb - r * b];
  const [gg, gb, bb] = [wgg - g * g + STRENGTH, wgb - g * b, wbb - b * b + STRENGTH];
  const [c00, c01, c02] = [gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg];
  const [c11, c12, c22] = [rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg];
  const scale = 1 / (rr * c00 + rg * c01 + rb * c02);
  const red = (c00 * rp + c01 * gp + c02 * bp) * scale;
  const green = (c01 * rp + c11 * gp + c12 * bp) * scale;
  const blue = (c02 * rp + c12 * gp + c22 * bp) * scale;
  return [red, green, blue, p - red * r - green * g - blue * b];
}

/**
 * `use(window, count, at)` for every pixel, with the sums of the terms that `read(at, out)` gives in the window round
 * it; windows end at the border.
 */
function sumsOfWindows(size, terms, read, use) {
  const columns = new Float64Array(size * terms);
  const window = new Float64Array(terms);
  const one = new Float64Array(terms);
  const addRow = (row, sign) => {
    for (let x = 0; x < size; x++) {
      read(row * size + x, one);
      for (let k = 0; k < terms; k++) columns[x * terms + k] += sign * one[k];
    }
  };
  const addColumn = (x, sign) => {
    for (let k = 0; k < terms; k++) window[k] += sign * columns[x * terms + k];
  };
  const reach = (at) => Math.min(at + RADIUS, size - 1) - Math.max(at - RADIUS, 0) + 1;
  for (let row = 0; row < RADIUS; row++) addRow(row, 1);
  for (let row = 0; row < size; row++) {
    if (row + RADIUS < size) addRow(row + RADIUS, 1);
    if (row - RADIUS - 1 >= 0) addRow(row - RADIUS - 1, -1);
    window.fill(0);
    for (let x = 0; x < RADIUS; x++) addColumn(x, 1);
    for (let x = 0; x < size; x++) {
      if (x + RADIUS < size) addColumn(x + RADIUS, 1);
      if (x - RADIUS - 1 >= 0) addColumn(x - RADIUS - 1, -1);
      use(window, reach(row) * reach(x), row * size + x);
    }
  }
}
