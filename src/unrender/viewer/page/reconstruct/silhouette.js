// The silhouette of a closed mesh from its outline alone: which pixels it covers, and which edges bound it; the same
// as `unrender.reconstruct.silhouette`.

const NEAREST = 0.05;

/** Arrays that `see` fills, for pictures of `size` pixels a side. */
export function viewRoom(geometry, size) {
  const vertices = geometry.mean.length / 3;
  const edges = geometry.edges.length / 4;
  return {
    size,
    unknowns: new Float32Array(geometry.unknowns),
    vertices: new Float64Array(3 * vertices),
    local: new Float64Array(3 * vertices),
    pixels: new Float64Array(2 * vertices),
    front: new Uint8Array(geometry.faces.length / 3),
    counts: new Int32Array(size * (size + 1)),
    chosen: new Int32Array(edges),
    middle: new Float64Array(2 * edges),
    normal: new Float64Array(2 * edges),
    length: new Float64Array(edges),
  };
}

/** Vertices [V x 3] of a pose [12 + N], object frame, into `vertices`. */
export function deform({ mean, basis }, unknowns, vertices) {
  const count = unknowns.length;
  for (let i = 0, at = 0; i < mean.length; i++) {
    let offset = 0;
    for (let k = 0; k < count; k++) offset += basis[at++] * unknowns[k];
    vertices[i] = mean[i] + offset;
  }
}

/** Deform and project; whether every vertex is in front of the camera and finite. */
function look(geometry, pose, view) {
  const { vertices, local, pixels, size, unknowns } = view;
  for (let k = 0; k < unknowns.length; k++) unknowns[k] = pose[12 + k];
  deform(geometry, unknowns, vertices);
  const { focal } = geometry;
  const half = 0.5 * size;
  let nearest = Infinity;
  let total = 0;
  for (let i = 0, p = 0; i < vertices.length; i += 3, p += 2) {
    const [x, y, z] = [vertices[i], vertices[i + 1], vertices[i + 2]];
    for (let k = 0; k < 3; k++) {
      local[i + k] = pose[3 * k] * x + pose[3 * k + 1] * y + pose[3 * k + 2] * z + pose[9 + k];
    }
    const depth = -local[i + 2];
    nearest = Math.min(nearest, depth);
    pixels[p] = half + (focal * local[i]) / depth;
    pixels[p + 1] = half - (focal * local[i + 1]) / depth;
    total += pixels[p] + pixels[p + 1];
  }
  return nearest > NEAREST && Number.isFinite(total);
}

/** Which faces point to the camera. */
function findFront(faces, pixels, front) {
  for (let f = 0, at = 0; f < front.length; f++, at += 3) {
    const [a, b, c] = [2 * faces[at], 2 * faces[at + 1], 2 * faces[at + 2]];
    const area =
      (pixels[b] - pixels[a]) * (pixels[c + 1] - pixels[a + 1]) -
      (pixels[b + 1] - pixels[a + 1]) * (pixels[c] - pixels[a]);
    front[f] = area < 0 ? 1 : 0;
  }
}

/** One step a row along an edge that goes from (ua, va) to (ub, vb). */
function drawEdge(counts, size, ua, va, ub, vb) {
  const down = vb > va;
  const [first, last] = down ? [va, vb] : [vb, va];
  if (!(last > 0.5 && first < size - 0.5)) return;
  const top = first > 0.5 ? Math.ceil(first - 0.5) : 0;
  const bottom = last < size - 0.5 ? Math.ceil(last - 0.5) : size;
  const slope = vb !== va ? (ub - ua) / (vb - va) : 0;
  for (let row = top; row < bottom; row++) {
    const u = ua + (row + 0.5 - va) * slope;
    const column = u > 0.5 ? Math.ceil(u - 0.5) : 0;
    counts[row * (size + 1) + (u < size - 0.5 ? column : size)] += down ? 1 : -1;
  }
}

/** Coverage, and the edges of the outline: how many there are. Edges that the shape itself hides do not count. */
function drawOutline({ faces, edges }, view) {
  const { pixels, front, counts, chosen, middle, normal, length, size } = view;
  counts.fill(0);
  findFront(faces, pixels, front);
  let found = 0;
  for (let e = 0; e < chosen.length; e++) {
    const ahead = front[edges[4 * e + 2]];
    if (ahead === front[edges[4 * e + 3]]) continue;
    const [a, b] = ahead ? [edges[4 * e], edges[4 * e + 1]] : [edges[4 * e + 1], edges[4 * e]];
    const [ua, va, ub, vb] = [pixels[2 * a], pixels[2 * a + 1], pixels[2 * b], pixels[2 * b + 1]];
    drawEdge(counts, size, ua, va, ub, vb);
    const [du, dv] = [ub - ua, vb - va];
    const extent = Math.sqrt(du * du + dv * dv);
    if (extent < 1e-6) continue;
    chosen[found] = e;
    middle[2 * found] = 0.5 * (ua + ub);
    middle[2 * found + 1] = 0.5 * (va + vb);
    normal[2 * found] = -dv / extent;
    normal[2 * found + 1] = du / extent;
    length[found] = extent;
    found++;
  }
  for (let row = 0; row < size; row++) {
    for (let column = 1, at = row * (size + 1) + 1; column < size; column++, at++) counts[at] += counts[at - 1];
  }
  let kept = 0;
  for (let i = 0; i < found; i++) {
    const column = Math.floor(middle[2 * i] + normal[2 * i]);
    const row = Math.floor(middle[2 * i + 1] + normal[2 * i + 1]);
    const inside = column >= 0 && column < size && row >= 0 && row < size;
    if (inside && counts[row * (size + 1) + column] > 0) continue;
    chosen[kept] = chosen[i];
    length[kept] = length[i];
    for (let k = 0; k < 2; k++) {
      middle[2 * kept + k] = middle[2 * i + k];
      normal[2 * kept + k] = normal[2 * i + k];
    }
    kept++;
  }
  return kept;
}

/**
 * Look at a pose: {iou, found}, intersection over union with a mask of ones and zeros and the number of edges of the
 * outline. Both are 0 where the shape is not wholly in front of the camera. `view` from `viewRoom` is overwritten.
 */
export function see(geometry, mask, pose, view) {
  if (!look(geometry, pose, view)) return { iou: 0, found: 0 };
  const found = drawOutline(geometry, view);
  const { counts, size } = view;
  let both = 0;
  let either = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const covered = counts[row * (size + 1) + column] > 0 ? 1 : 0;
      const wanted = mask[row * size + column];
      both += covered & wanted;
      either += covered | wanted;
    }
  }
  return { iou: either ? both / either : 0, found };
}
