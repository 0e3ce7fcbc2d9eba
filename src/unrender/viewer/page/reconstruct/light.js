// Spherical harmonic shading and the sRGB curve.

const DARKEST = Math.fround(0.12);

/** Linear light of one sRGB value in [0, 1] (IEC 61966-2-1). */
export function toLinear(value) {
  return value <= 0.04045 ? value / 12.92 : ((Math.max(value, 0) + 0.055) / 1.055) ** 2.4;
}

/** sRGB value of linear light (IEC 61966-2-1). */
export function toSrgb(value) {
  return value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055;
}

export const LINEAR_OF_BYTE = Float32Array.from({ length: 256 }, (_, i) => toLinear(i / 255));

const STEPS = 16383;
const BYTES = Uint8Array.from({ length: STEPS + 1 }, (_, i) => Math.fround(Math.fround(toSrgb(i / STEPS)) * 255) + 0.5);

/** sRGB byte of linear light, clipped to [0, 1]. */
export function toByte(linear) {
  return BYTES[Math.trunc(Math.min(Math.max(linear, 0), 1) * STEPS + 0.5)];
}

/** Light [9 x 3] without its cast: every channel scaled so that all have the same mean over directions. */
export function balanced(light) {
  const mean = [0, 1, 2].map((c) => Math.max(light[c], 1e-3));
  const all = (mean[0] + mean[1] + mean[2]) / 3;
  return Float32Array.from(light, (value, at) => value * (all / mean[at % 3]));
}

/** The nine real spherical harmonics of orders 0 to 2 at a unit vector. */
export function shBasis(x, y, z) {
  const [a, b, c] = [1.0925484305920792, 0.31539156525252005, 0.5462742152960396];
  const one = 0.4886025119029199;
  return [
    0.28209479177387814, one * y, one * z, one * x,
    a * x * y, a * y * z, b * (3 * z * z - 1), a * x * z, c * (x * x - y * y),
  ];
}

/** Shading [r, g, b] of a normal under coefficients [9 x 3], at least `floor`. */
export function shade(x, y, z, light, floor = DARKEST) {
  const basis = shBasis(x, y, z);
  const result = [0, 0, 0];
  for (let k = 0; k < 9; k++) for (let c = 0; c < 3; c++) result[c] += basis[k] * light[3 * k + c];
  return result.map((value) => Math.max(value, floor));
}
