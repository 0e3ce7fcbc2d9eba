// Which face each pixel centre sees, with the rules of `unrender.render`: vertices snapped to 1/65536 pixel, the
// top-left rule, z/w as depth, the lower face index where two are equally near. Pictures up to 1024 pixels.

const BITS = 65536;

/** Rows of the adjugate of [x y w] of three vertices, and its determinant. */
function adjugate(clip, i, j, k) {
  const [ax, ay, aw] = [clip[4 * i], clip[4 * i + 1], clip[4 * i + 3]];
  const [bx, by, bw] = [clip[4 * j], clip[4 * j + 1], clip[4 * j + 3]];
  const [cx, cy, cw] = [clip[4 * k], clip[4 * k + 1], clip[4 * k + 3]];
  const e = [
    by * cw - bw * cy, bw * cx - bx * cw, bx * cy - by * cx,
    cy * aw - cw * ay, cw * ax - cx * aw, cx * ay - cy * ax,
    ay * bw - aw * by, aw * bx - ax * bw, ax * by - ay * bx,
  ];
  return { e, det: ax * e[0] + ay * e[1] + aw * e[2] };
}

/** Edge function value(column, row) = a column + b row + c; the top-left rule is folded into c. */
function edge(ax, ay, bx, by) {
  const [dx, dy] = [bx - ax, by - ay];
  const own = dy < 0 || (dy === 0 && dx > 0) ? 0 : 1;
  return { a: -dy * BITS, b: dx * BITS, c: dy * ax - dx * ay - own };
}

/** Face index of each pixel, Int32Array, -1 where nothing is. Faces with a vertex behind the camera are left out. */
export function visibleFaces(clip, faces, width, height) {
  const count = clip.length / 4;
  const xs = new Float64Array(count);
  const ys = new Float64Array(count);
  for (let v = 0; v < count; v++) {
    const w = clip[4 * v + 3];
    const usable = w > 0 && clip[4 * v + 2] >= -w;
    xs[v] = usable ? Math.floor(((clip[4 * v] / w) * 0.5 * width + 0.5 * width - 0.5) * BITS + 0.5) : NaN;
    ys[v] = usable ? Math.floor((0.5 * height - 0.5 - (clip[4 * v + 1] / w) * 0.5 * height) * BITS + 0.5) : NaN;
  }
  const index = new Int32Array(width * height).fill(-1);
  const nearest = new Float64Array(width * height).fill(Infinity);
  for (let face = 0; face < faces.length / 3; face++) {
    const [i, j, k] = [faces[3 * face], faces[3 * face + 1], faces[3 * face + 2]];
    let [x0, y0, x1, y1, x2, y2] = [xs[i], ys[i], xs[j], ys[j], xs[k], ys[k]];
    const area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0);
    if (!area) continue;
    const plane = depthPlane(clip, i, j, k, width, height);
    if (area < 0) [x1, y1, x2, y2] = [x2, y2, x1, y1];
    const edges = [edge(x0, y0, x1, y1), edge(x1, y1, x2, y2), edge(x2, y2, x0, y0)];
    const left = Math.max(Math.ceil(Math.min(x0, x1, x2) / BITS), 0);
    const right = Math.min(Math.floor(Math.max(x0, x1, x2) / BITS), width - 1);
    const top = Math.max(Math.ceil(Math.min(y0, y1, y2) / BITS), 0);
    const bottom = Math.min(Math.floor(Math.max(y0, y1, y2) / BITS), height - 1);
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        if (edges.some(({ a, b, c }) => a * column + b * row + c < 0)) continue;
        const z = plane[1] * row + plane[2] + plane[0] * column;
        const at = row * width + column;
        if (z < nearest[at]) {
          nearest[at] = z;
          index[at] = face;
        }
      }
    }
  }
  return index;
}

/** z/w = p[0] column + p[1] row + p[2] of the plane through three vertices. */
function depthPlane(clip, i, j, k, width, height) {
  const { e, det } = adjugate(clip, i, j, k);
  const [az, bz, cz] = [clip[4 * i + 2], clip[4 * j + 2], clip[4 * k + 2]];
  if (det === 0) return [0, 0, Math.max(az / clip[4 * i + 3], bz / clip[4 * j + 3], cz / clip[4 * k + 3])];
  const x = (az * e[0] + bz * e[3] + cz * e[6]) / det;
  const y = (az * e[1] + bz * e[4] + cz * e[7]) / det;
  const c = (az * e[2] + bz * e[5] + cz * e[8]) / det;
  return [(2 * x) / width, (-2 * y) / height, c + x * (1 / width - 1) + y * (1 - 1 / height)];
}

/** Barycentric weights [pixels x 3] and depth along -Z [pixels] at the visible faces; 0 where nothing is. */
export function surfacePoints(clip, faces, index, width, height) {
  const weights = new Float32Array(3 * width * height);
  const depth = new Float32Array(width * height);
  for (let at = 0; at < index.length; at++) {
    const face = index[at];
    if (face < 0) continue;
    const corners = [faces[3 * face], faces[3 * face + 1], faces[3 * face + 2]];
    const { e } = adjugate(clip, ...corners);
    const px = ((at % width) + 0.5) * (2 / width) - 1;
    const py = 1 - (Math.trunc(at / width) + 0.5) * (2 / height);
    const b = [0, 3, 6].map((k) => e[k] * px + e[k + 1] * py + e[k + 2]);
    const total = b[0] + b[1] + b[2];
    const share = b.map((value) => (total ? Math.max(value / total, 0) : 1 / 3));
    const sum = share[0] + share[1] + share[2];
    for (let k = 0; k < 3; k++) {
      weights[3 * at + k] = share[k] / sum;
      depth[at] += (share[k] / sum) * clip[4 * corners[k] + 3];
    }
  }
  return { weights, depth };
}
