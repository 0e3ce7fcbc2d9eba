// Two looks at a picture, at it and at its mirror image, averaged; the same as `unrender.reconstruct.looks`.

import { logSoftmax, turnedRound } from "./network.js";

const X_ODD = [3, 4, 7];
const SIGN = [-1, 1, 1];

const mean = (first, second) => first.map((value, i) => 0.5 * (value + second[i]));

/** What the network says of a picture; `rotations` of all hypotheses, `rotation` the likeliest one. */
export async function lookTwice(assets, picture) {
  const [first, other] = await assets.network.looks(picture);
  const second = mirrored(other, assets);
  const logProbabilities = logSoftmax(mean(first.logProbabilities, second.logProbabilities));
  const best = logProbabilities.reduce((at, value, i, all) => (value > all[at] ? i : at), 0);
  const rotations = first.rotations.map((rotation, i) => orthonormal(mean(rotation, second.rotations[i])));
  return {
    ...first,
    mask: mean(first.mask, second.mask),
    rotations,
    rotation: rotations[best],
    logProbabilities,
    coefficients: first.coefficients.map((row, k) => mean(row, second.coefficients[k])),
    light: mean(first.light, second.light),
    texture: mean(first.texture, second.texture),
    categories: mean(first.categories, second.categories),
  };
}

/** The guess about a picture's mirror image, as one about the picture. */
function mirrored(guess, assets) {
  const count = guess.rotations.length;
  const odd = assets.card.shape_categories.map((name) => assets.spaces.get(`${name}.antisymmetric`).values);
  return {
    mask: turnedRound(guess.mask, guess.maskSize, 1),
    rotations: guess.rotations.map((_, i) =>
      guess.rotations[(count - i) % count].map((value, at) => value * SIGN[Math.trunc(at / 3)] * SIGN[at % 3])),
    logProbabilities: guess.logProbabilities.map((_, i) => guess.logProbabilities[(count - i) % count]),
    coefficients: guess.coefficients.map((row, c) => row.map((value, k) => (odd[c][k] ? -value : value))),
    light: guess.light.map((value, at) => (X_ODD.includes(Math.trunc(at / 3)) ? -value : value)),
    texture: turnedRound(guess.texture, guess.textureSize, 1),
    categories: guess.categories,
  };
}

/** A rotation from the first two rows of a matrix (Gram-Schmidt). */
function orthonormal(matrix) {
  const unit = (v) => v.map((value) => value / Math.max(Math.hypot(...v), 1e-9));
  const x = unit(matrix.slice(0, 3));
  const second = matrix.slice(3, 6);
  const along = x[0] * second[0] + x[1] * second[1] + x[2] * second[2];
  const y = unit(second.map((value, i) => value - along * x[i]));
  const z = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
  return Float64Array.from([...x, ...y, ...z]);
}
