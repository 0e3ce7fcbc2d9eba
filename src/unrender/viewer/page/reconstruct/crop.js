// A square of a picture, resampled; off the picture its border is repeated or a value filled in.

import { BILINEAR, reduce, resize } from "./resample.js";

/** The square with corner (x, y) and side `side` in pixels, as a picture of size x size. */
export function cropSquare(picture, x, y, side, size, fill = null) {
  const shrink = Math.trunc(side / size / 3);
  if (shrink > 1) {
    const margin = Math.trunc(side / size) + 2 * shrink;
    const x0 = Math.min(Math.max(Math.trunc(x) - margin, 0), picture.width - 1);
    const y0 = Math.min(Math.max(Math.trunc(y) - margin, 0), picture.height - 1);
    const x1 = Math.min(Math.max(Math.trunc(x + side) + margin, x0 + 1), picture.width);
    const y1 = Math.min(Math.max(Math.trunc(y + side) + margin, y0 + 1), picture.height);
    picture = reduce(region(picture, x0, y0, x1, y1, null), shrink);
    [x, y, side] = [(x - x0) / shrink, (y - y0) / shrink, side / shrink];
  }
  const support = Math.ceil(Math.max(side / size, 1)) + 1;
  const left = Math.floor(x) - support;
  const top = Math.floor(y) - support;
  const right = Math.ceil(x + side) + support;
  const bottom = Math.ceil(y + side) + support;
  const part = region(picture, left, top, right, bottom, fill);
  return resize(part, size, size, BILINEAR, [x - left, y - top, x - left + side, y - top + side]);
}

/** The rectangle [left, right) x [top, bottom), which may reach beyond the picture. */
function region(picture, left, top, right, bottom, fill) {
  const { data, channels } = picture;
  const width = right - left;
  const height = bottom - top;
  const result = new data.constructor(width * height * channels);
  if (fill !== null) result.fill(fill);
  for (let row = 0; row < height; row++) {
    const y = Math.min(Math.max(row + top, 0), picture.height - 1);
    if (fill !== null && y !== row + top) continue;
    for (let column = 0; column < width; column++) {
      const x = Math.min(Math.max(column + left, 0), picture.width - 1);
      if (fill !== null && x !== column + left) continue;
      const from = (y * picture.width + x) * channels;
      const to = (row * width + column) * channels;
      for (let c = 0; c < channels; c++) result[to + c] = data[from + c];
    }
  }
  return { data: result, width, height, channels };
}
