// Filling gaps from coarser averages: pull-push after Gortler et al., "The Lumigraph", SIGGRAPH 1996.

/** Fill `values` [size x size x 3] in place where `weights` [size x size] is below 1; size is a power of two. */
export function pullPush(values, weights, size) {
  const levels = [{ size, colour: values, weight: Float32Array.from(weights, (w) => Math.min(w, 1)) }];
  while (levels.at(-1).size > 1) levels.push(pull(levels.at(-1)));
  for (let level = levels.length - 2; level >= 0; level--) push(levels[level], levels[level + 1]);
}

/** The weighted averages of blocks of 2 x 2. */
function pull(fine) {
  const size = fine.size / 2;
  const colour = new Float32Array(3 * size * size);
  const weight = new Float32Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const at = i * size + j;
      let total = 0;
      for (let k = 0; k < 4; k++) {
        const from = (2 * i + (k >> 1)) * fine.size + 2 * j + (k & 1);
        total += fine.weight[from];
        for (let c = 0; c < 3; c++) colour[3 * at + c] += fine.weight[from] * fine.colour[3 * from + c];
      }
      for (let c = 0; c < 3; c++) colour[3 * at + c] /= Math.max(total, 1e-8);
      weight[at] = Math.min(total, 1);
    }
  }
  return { size, colour, weight };
}

/** Blend what a level does not know itself from the coarser one, bilinearly. */
function push(fine, coarse) {
  const last = coarse.size - 1;
  const place = (i) => {
    const x = Math.min(Math.max(0.5 * (i + 0.5) - 0.5, 0), last);
    return { low: Math.trunc(x), high: Math.min(Math.trunc(x) + 1, last), part: x - Math.trunc(x) };
  };
  const places = Array.from({ length: fine.size }, (_, i) => place(i));
  for (let i = 0; i < fine.size; i++) {
    const y = places[i];
    for (let j = 0; j < fine.size; j++) {
      const own = i * fine.size + j;
      const keep = fine.weight[own];
      if (keep >= 1) continue;
      const x = places[j];
      const [a, b] = [3 * (y.low * coarse.size + x.low), 3 * (y.low * coarse.size + x.high)];
      const [d, e] = [3 * (y.high * coarse.size + x.low), 3 * (y.high * coarse.size + x.high)];
      for (let c = 0; c < 3; c++) {
        const top = coarse.colour[a + c] * (1 - x.part) + coarse.colour[b + c] * x.part;
        const low = coarse.colour[d + c] * (1 - x.part) + coarse.colour[e + c] * x.part;
        const filled = top * (1 - y.part) + low * y.part;
        fine.colour[3 * own + c] = keep * fine.colour[3 * own + c] + (1 - keep) * filled;
      }
      fine.weight[own] = 1;
    }
  }
}
