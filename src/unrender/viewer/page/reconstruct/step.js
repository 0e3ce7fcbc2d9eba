// One step of the loop: match the outline, normal equations, priors, solve; the same as `unrender.reconstruct.step`.
//
// A pose is one vector [12 + N]: rotation (row by row, world to camera), translation, the shape's unknowns.

import { addProducts, solvePositive } from "./linear.js";

/** Working space of `advance` for `points` points of the outline and so many unknowns of the shape. */
export function stepRoom(geometry, points, unknowns) {
  const edges = geometry.edges.length / 4;
  const size = 6 + unknowns;
  return {
    size,
    nearest: new Int32Array(points),
    sums: new Float64Array(5 * edges),
    rows: new Float64Array((2 * edges + 10) * size),
    hessian: new Float64Array(size * size),
    gradient: new Float64Array(size),
    factors: new Float64Array(12),
  };
}

/** The outline edge of like normal nearest to each point of the mask's outline, -1 where there is none. */
function findNearest({ points, normals }, { middle, normal }, found, nearest) {
  for (let q = 0; q < nearest.length; q++) {
    const [u, v, nu, nv] = [points[2 * q], points[2 * q + 1], normals[2 * q], normals[2 * q + 1]];
    let best = Infinity;
    nearest[q] = -1;
    for (let i = 0; i < found; i++) {
      const alike = nu * normal[2 * i] + nv * normal[2 * i + 1];
      if (alike < 0.2) continue;
      const [du, dv] = [u - middle[2 * i], v - middle[2 * i + 1]];
      const distance = (du * du + dv * dv) * (2 - alike);
      if (distance < best) {
        best = distance;
        nearest[q] = i;
      }
    }
  }
}

/** [value, du, dv] of a field [size x size] at a pixel position, bilinear; outside, it goes on. */
function sampleDistance(field, size, u, v) {
  const cu = Math.min(Math.max(u - 0.5, 0), size - 1.000001);
  const cv = Math.min(Math.max(v - 0.5, 0), size - 1.000001);
  const [j, i] = [Math.trunc(cu), Math.trunc(cv)];
  const [fu, fv] = [cu - j, cv - i];
  const at = i * size + j;
  const [a, b, c, d] = [field[at], field[at + 1], field[at + size], field[at + size + 1]];
  let value = (a * (1 - fu) + b * fu) * (1 - fv) + (c * (1 - fu) + d * fu) * fv;
  let gu = (b - a) * (1 - fv) + (d - c) * fv;
  let gv = (c - a) * (1 - fu) + (d - b) * fu;
  if (cu !== u - 0.5) {
    value += Math.abs(u - 0.5 - cu);
    gu = Math.sign(u - 0.5 - cu);
  }
  if (cv !== v - 0.5) {
    value += Math.abs(v - 0.5 - cv);
    gv = Math.sign(v - 0.5 - cv);
  }
  return [value, gu, gv];
}

/** Residuals of each edge: sums of w g g^T (uu, uv, vv) and w r g (u, v), with a robust weight w. */
function gather(target, { middle, length, size }, found, scale, { nearest, sums }) {
  let total = 0;
  for (let i = 0; i < found; i++) total += length[i];
  const robust = (residual) => (1 / (1 + (residual / scale) ** 2)) ** 2;
  for (let i = 0; i < found; i++) {
    const [residual, gu, gv] = sampleDistance(target.distance, size, middle[2 * i], middle[2 * i + 1]);
    const weight = (length[i] / total) * robust(residual);
    sums[5 * i] = weight * gu * gu;
    sums[5 * i + 1] = weight * gu * gv;
    sums[5 * i + 2] = weight * gv * gv;
    sums[5 * i + 3] = weight * residual * gu;
    sums[5 * i + 4] = weight * residual * gv;
  }
  const { points, normals } = target;
  for (let q = 0; q < nearest.length; q++) {
    const i = nearest[q];
    if (i < 0) continue;
    const [nu, nv] = [normals[2 * q], normals[2 * q + 1]];
    const residual = nu * (points[2 * q] - middle[2 * i]) + nv * (points[2 * q + 1] - middle[2 * i + 1]);
    const weight = robust(residual) / nearest.length;
    sums[5 * i] += weight * nu * nu;
    sums[5 * i + 1] += weight * nu * nv;
    sums[5 * i + 2] += weight * nv * nv;
    sums[5 * i + 3] -= weight * residual * nu;
    sums[5 * i + 4] -= weight * residual * nv;
  }
}

/** Derivatives of the midpoint (u, v) of the edge from vertex a to b by all unknowns, into two rows of `work`. */
function edgeRows(geometry, local, pose, a, b, work, rowU, rowV) {
  const { rows, size, factors } = work;
  const { basis, focal } = geometry;
  rows.fill(0, rowU, rowU + 6);
  rows.fill(0, rowV, rowV + 6);
  for (let end = 0; end < 2; end++) {
    const i = 3 * (end === 0 ? a : b);
    const [x, y, z] = [local[i], local[i + 1], local[i + 2]];
    const inverse = (0.5 * focal) / -z;
    const [uz, vz] = [(inverse * x) / -z, (inverse * y) / z];
    const [px, py, pz] = [x - pose[9], y - pose[10], z - pose[11]];
    rows[rowU] += uz * py;
    rows[rowU + 1] += inverse * pz - uz * px;
    rows[rowU + 2] -= inverse * py;
    rows[rowU + 3] += inverse;
    rows[rowU + 5] += uz;
    rows[rowV] += vz * py + inverse * pz;
    rows[rowV + 1] -= vz * px;
    rows[rowV + 2] -= inverse * px;
    rows[rowV + 4] -= inverse;
    rows[rowV + 5] += vz;
    for (let axis = 0; axis < 3; axis++) {
      factors[3 * end + axis] = inverse * pose[axis] + uz * pose[6 + axis];
      factors[6 + 3 * end + axis] = -inverse * pose[3 + axis] + vz * pose[6 + axis];
    }
  }
  const free = size - 6;
  const [ax, bx] = [3 * a * geometry.unknowns, 3 * b * geometry.unknowns];
  const [u0, u1, u2, u3, u4, u5, v0, v1, v2, v3, v4, v5] = factors;
  const [ay, az] = [ax + geometry.unknowns, ax + 2 * geometry.unknowns];
  const [by, bz] = [bx + geometry.unknowns, bx + 2 * geometry.unknowns];
  for (let k = 0; k < free; k++) {
    const [x, y, z] = [basis[ax + k], basis[ay + k], basis[az + k]];
    const [s, t, r] = [basis[bx + k], basis[by + k], basis[bz + k]];
    rows[rowU + 6 + k] = u0 * x + u1 * y + u2 * z + u3 * s + u4 * t + u5 * r;
    rows[rowV + 6 + k] = v0 * x + v1 * y + v2 * z + v3 * s + v4 * t + v5 * r;
  }
}

/** Gradient of half the outline's energy, and the rows whose products are its matrix: how many there are. */
function equations(geometry, pose, view, found, work) {
  const { sums, rows, gradient, size } = work;
  const { edges } = geometry;
  let used = 0;
  gradient.fill(0);
  for (let i = 0; i < found; i++) {
    const [rowU, rowV] = [used * size, (used + 1) * size];
    const e = 4 * view.chosen[i];
    edgeRows(geometry, view.local, pose, edges[e], edges[e + 1], work, rowU, rowV);
    const [uu, uv, vv, bu, bv] = [sums[5 * i], sums[5 * i + 1], sums[5 * i + 2], sums[5 * i + 3], sums[5 * i + 4]];
    for (let k = 0; k < size; k++) gradient[k] += bu * rows[rowU + k] + bv * rows[rowV + k];
    // A = L L^T with the larger diagonal element first; the rows of L^T J
    const swap = vv > uu;
    const largest = (swap ? vv : uu) + 1e-30;
    const major = Math.sqrt(largest);
    const minor = uv / major;
    const rest = (swap ? uu : vv) - minor * minor;
    const last = rest > 0 ? Math.sqrt(rest) : 0;
    for (let k = 0; k < size; k++) {
      const [u, v] = [rows[rowU + k], rows[rowV + k]];
      const [one, other] = swap ? [v, u] : [u, v];
      rows[rowU + k] = major * one + minor * other;
      rows[rowV + k] = last * other;
    }
    used += rest > 1e-6 * largest ? 2 : 1;
  }
  return used;
}

/** The prior on proportions: two rows from `at` on, and its gradient. */
function ratioRows(geometry, { vertices }, prior, work, at) {
  const { rows, gradient, size } = work;
  const { basis, unknowns } = geometry;
  const [high, low] = [[0, 0, 0], [0, 0, 0]];
  for (let i = 0; i < vertices.length / 3; i++) {
    for (let k = 0; k < 3; k++) {
      if (vertices[3 * i + k] > vertices[3 * high[k] + k]) high[k] = i;
      if (vertices[3 * i + k] < vertices[3 * low[k] + k]) low[k] = i;
    }
  }
  const extent = [0, 1, 2].map((k) => vertices[3 * high[k] + k] - vertices[3 * low[k] + k] + 1e-9);
  const first = Math.log(extent[0] / extent[2]) - prior.ratioMean[0];
  const second = Math.log(extent[1] / extent[2]) - prior.ratioMean[1];
  const root = Math.sqrt(prior.ratioPrecision);
  const slope = (axis, k) =>
    basis[(3 * high[axis] + axis) * unknowns + k] - basis[(3 * low[axis] + axis) * unknowns + k];
  for (let r = 0; r < 2; r++) {
    const row = (at + r) * size;
    rows.fill(0, row, row + 6);
    const [p, q] = [root * prior.ratioScale[2 * r], root * prior.ratioScale[2 * r + 1]];
    for (let k = 0; k < size - 6; k++) {
      rows[row + 6 + k] =
        (p / extent[0]) * slope(0, k) + (q / extent[1]) * slope(1, k) - ((p + q) / extent[2]) * slope(2, k);
    }
    const residual = p * first + q * second;
    for (let k = 0; k < size; k++) gradient[k] += residual * rows[row + k];
  }
}

/**
 * Move `pose` by one damped Gauss-Newton step; whether it could be computed. `target` {mask, distance, points,
 * normals}; `prior` as `Prior` in Python; `view` as `see` left it; `found` edges of the outline; `work` from `stepRoom`.
 */
export function advance(geometry, target, prior, scale, pose, view, found, work) {
  const { rows, hessian, gradient, size } = work;
  findNearest(target, view, found, work.nearest);
  gather(target, view, found, scale, work);
  let used = equations(geometry, pose, view, found, work);
  if (prior.ratioPrecision > 0) {
    ratioRows(geometry, view, prior, work, used);
    used += 2;
  }
  const padded = Math.ceil(used / 4) * 4;
  rows.fill(0, used * size, padded * size);
  hessian.fill(0);
  addProducts(rows, padded, hessian, size);
  addPriors(prior, pose, work);
  const change = gradient.map((value) => -value);
  if (!solvePositive(hessian, change, size)) return false;
  if (!change.every(Number.isFinite)) return false;
  move(pose, change);
  return true;
}

function addPriors(prior, pose, { hessian, gradient, size }) {
  const turned = logRotation(productTransposed(pose, prior.rotation));
  for (let k = 0; k < 3; k++) {
    gradient[k] += prior.nearCamera * turned[k];
    hessian[k * size + k] += prior.nearCamera;
  }
  for (let k = 0; k < size - 6; k++) {
    const value = pose[12 + k];
    const beyond = value - Math.min(Math.max(value, -prior.usual), prior.usual);
    gradient[6 + k] += prior.excess[k] * beyond;
    hessian[(6 + k) * (size + 1)] += beyond === 0 ? 0 : prior.excess[k];
    const row = k * (size - 6);
    for (let j = 0; j < size - 6; j++) {
      gradient[6 + k] += prior.precision[row + j] * (pose[12 + j] - prior.centre[j]);
      if (j <= k) hessian[(6 + k) * size + 6 + j] += prior.precision[row + j];
    }
  }
  for (let k = 0; k < size; k++) hessian[k * (size + 1)] = 1.001 * hessian[k * (size + 1)] + 1e-9;
}

/** Apply a change [6 + N], made shorter where it turns or bends too far. */
function move(pose, change) {
  let bend = 0;
  for (let k = 6; k < change.length; k++) bend = Math.max(bend, Math.abs(change[k]));
  const angle = Math.hypot(change[0], change[1], change[2]);
  let share = angle > 0.35 ? 0.35 / angle : 1;
  if (share * bend > 1.5) share = 1.5 / bend;
  for (let k = 0; k < 3; k++) pose[9 + k] += share * change[3 + k];
  pose[11] = Math.min(pose[11], -1.3);
  const turn = expRotation([share * change[0], share * change[1], share * change[2]]);
  const before = pose.slice(0, 9);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      pose[3 * i + j] = turn[3 * i] * before[j] + turn[3 * i + 1] * before[3 + j] + turn[3 * i + 2] * before[6 + j];
    }
  }
  for (let k = 6; k < change.length; k++) pose[6 + k] += share * change[k];
}

/** The first matrix times the transpose of the second, row-major 3 x 3. */
function productTransposed(first, second) {
  const result = new Float64Array(9);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) result[3 * i + j] += first[3 * i + k] * second[3 * j + k];
    }
  }
  return result;
}

/** Rotation matrix of an axis-angle vector (Rodrigues). */
function expRotation([x, y, z]) {
  const angle = Math.hypot(x, y, z);
  const a = angle > 1e-8 ? Math.sin(angle) / angle : 1;
  const b = angle > 1e-8 ? (1 - Math.cos(angle)) / (angle * angle) : 0.5;
  const c = 1 - b * angle * angle;
  return [
    b * x * x + c, b * x * y - a * z, b * x * z + a * y,
    b * x * y + a * z, b * y * y + c, b * y * z - a * x,
    b * x * z - a * y, b * y * z + a * x, b * z * z + c,
  ];
}

/** Axis-angle vector of a rotation by less than half a turn. */
function logRotation(m) {
  const sine = [0.5 * (m[7] - m[5]), 0.5 * (m[2] - m[6]), 0.5 * (m[3] - m[1])];
  const length = Math.hypot(...sine);
  if (length < 1e-8) return sine;
  const angle = Math.atan2(length, 0.5 * (m[0] + m[4] + m[8] - 1));
  return sine.map((value) => (value * angle) / length);
}
