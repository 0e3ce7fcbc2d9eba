// Where the object is in a mask: connected parts, extent, and the square crop round it.

import { PhotoError } from "./errors.js";

const FILL = 0.78;
export const NO_OBJECT = "No object was found. Draw a box round it, or click on it.";

/** Labels (1, 2, ...; 0 outside) of the 4-connected parts of `inside`, and their sizes. */
function components(inside, width, height) {
  const label = new Int32Array(width * height);
  const sizes = [0];
  const stack = new Int32Array(width * height);
  for (let start = 0; start < label.length; start++) {
    if (!inside(start) || label[start]) continue;
    const current = sizes.length;
    let size = 0;
    let top = 0;
    stack[top++] = start;
    label[start] = current;
    while (top) {
      const at = stack[--top];
      const x = at % width;
      size++;
      const visit = (to) => {
        if (inside(to) && !label[to]) {
          label[to] = current;
          stack[top++] = to;
        }
      };
      if (x + 1 < width) visit(at + 1);
      if (x > 0) visit(at - 1);
      if (at + width < label.length) visit(at + width);
      if (at >= width) visit(at - width);
    }
    sizes.push(size);
  }
  return { label, sizes };
}

/** The mask with everything but its largest connected part put to at most 0.49. */
export function mainObject(mask, width, height) {
  const { label, sizes } = components((i) => mask[i] > 0.5, width, height);
  let best = 0;
  for (let i = 1; i < sizes.length; i++) if (sizes[i] > (best ? sizes[best] : 0)) best = i;
  return mask.map((value, i) => (best && label[i] === best ? value : Math.min(value, 0.49)));
}

/** Flags of the part of the mask nearest to the cell (x, y), or null if none is within `reach` cells. */
export function partNear(mask, width, height, x, y, reach) {
  const { label } = components((i) => mask[i] > 0.5, width, height);
  let best = null;
  for (let i = 0; i < label.length; i++) {
    if (!label[i]) continue;
    const distance = Math.hypot((i % width) + 0.5 - x, Math.trunc(i / width) + 0.5 - y);
    if (distance <= reach && (best === null || distance < best.distance)) best = { distance, label: label[i] };
  }
  return best && label.map((value) => (value === best.label ? 1 : 0));
}

/** [left, top, right, bottom] of flags, without outer rows and columns that hold less than `trim` of them. */
export function maskExtent(flags, width, height, trim = 0.01) {
  const columns = new Float64Array(width);
  const rows = new Float64Array(height);
  let total = 0;
  flags.forEach((value, i) => {
    if (!value) return;
    columns[i % width]++;
    rows[Math.trunc(i / width)]++;
    total++;
  });
  const [left, right] = bounds(columns, total, trim);
  const [top, bottom] = bounds(rows, total, trim);
  return [left, top, right, bottom];
}

function bounds(counts, total, trim) {
  const below = 0.5 * trim * total;
  const above = (1 - 0.5 * trim) * total;
  let sum = 0;
  let low = 0;
  let high = -1;
  for (let i = 0; i < counts.length; i++) {
    sum += counts[i];
    if (sum <= below) low = i + 1;
    if (high < 0 && sum >= above) high = i;
  }
  return [low, (high < 0 ? counts.length : high) + 1];
}

/** The square {x, y, side} round flagged cells; `x`, `y`, `scale` place the grid in the photo. */
export function cropRound(flags, width, height, x, y, scale) {
  const count = flags.reduce((sum, value) => sum + (value ? 1 : 0), 0);
  if (count < 0.001 * flags.length || count < 4) throw new PhotoError(NO_OBJECT);
  const [left, top, right, bottom] = maskExtent(flags, width, height, 0.004);
  return squareRound(x + left * scale, y + top * scale, (right - left) * scale, (bottom - top) * scale);
}

/** The square {x, y, side} round a box, with the margin the network was trained with. */
export function squareRound(left, top, width, height) {
  const side = Math.max(width, height, 1) / FILL;
  return { x: left + 0.5 * width - 0.5 * side, y: top + 0.5 * height - 0.5 * side, side };
}
