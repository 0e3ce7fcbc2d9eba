// Resampling pictures exactly as Pillow does: two passes, 8-bit pictures in fixed point.
// A picture is {data, width, height, channels}; data is a Uint8Array or a Float32Array.

const BITS = 22;

export const BILINEAR = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };

/** For each output sample: its first input sample and the weights of that and the following ones. */
function taps(inSize, low, high, outSize, filter) {
  const start = Math.fround(low);
  const scale = Math.fround(Math.fround(high) - start) / outSize;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const rows = [];
  for (let index = 0; index < outSize; index++) {
    const centre = start + (index + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const count = Math.min(Math.trunc(centre + support + 0.5), inSize) - first;
    const weights = new Float64Array(count);
    let total = 0;
    for (let k = 0; k < count; k++) {
      weights[k] = filter.weight((k + first - centre + 0.5) / stretch);
      total += weights[k];
    }
    if (total !== 0) for (let k = 0; k < count; k++) weights[k] /= total;
    rows.push({ first, weights });
  }
  return rows;
}

/** One pass: `count` lines, each of samples `step` apart. */
function pass(source, target, rows, layout) {
  const bytes = source instanceof Uint8Array;
  for (let out = 0; out < rows.length; out++) {
    const { first, weights } = rows[out];
    const scaled = bytes ? weights.map((w) => Math.trunc(w * (1 << BITS) + (w < 0 ? -0.5 : 0.5))) : weights;
    for (let line = 0; line < layout.lines; line++) {
      for (let c = 0; c < layout.channels; c++) {
        let from = line * layout.inLine + first * layout.inStep + c;
        let sum = bytes ? 1 << (BITS - 1) : 0;
        for (let k = 0; k < scaled.length; k++, from += layout.inStep) sum += scaled[k] * source[from];
        const value = bytes ? Math.min(Math.max(sum >> BITS, 0), 255) : sum;
        target[line * layout.outLine + out * layout.outStep + c] = value;
      }
    }
  }
}

/** Resample the rectangle `box` = [left, top, right, bottom] of a picture to width x height. */
export function resize(picture, width, height, filter = BILINEAR, box = null) {
  const { data, channels } = picture;
  const [left, top, right, bottom] = box ?? [0, 0, picture.width, picture.height];
  const Values = data.constructor;
  const middle = new Values(width * picture.height * channels);
  pass(data, middle, taps(picture.width, left, right, width, filter), {
    lines: picture.height, channels, inLine: picture.width * channels, inStep: channels,
    outLine: width * channels, outStep: channels,
  });
  const result = new Values(width * height * channels);
  pass(middle, result, taps(picture.height, top, bottom, height, filter), {
    lines: width, channels, inLine: channels, inStep: width * channels,
    outLine: channels, outStep: width * channels,
  });
  return { data: result, width, height, channels };
}

/** Averages over whole blocks of factor x factor samples; what is left over at the edges counts by itself. */
export function reduce(picture, factor) {
  const { data, channels } = picture;
  const bytes = data instanceof Uint8Array;
  const width = Math.ceil(picture.width / factor);
  const height = Math.ceil(picture.height / factor);
  const result = new data.constructor(width * height * channels);
  for (let row = 0; row < height; row++) {
    const bottom = Math.min((row + 1) * factor, picture.height);
    for (let column = 0; column < width; column++) {
      const right = Math.min((column + 1) * factor, picture.width);
      const count = (bottom - row * factor) * (right - column * factor);
      for (let c = 0; c < channels; c++) {
        let sum = bytes ? Math.trunc(count / 2) : 0;
        for (let y = row * factor; y < bottom; y++) {
          for (let x = column * factor; x < right; x++) sum += data[(y * picture.width + x) * channels + c];
        }
        const multiplier = Math.trunc(Math.fround(2 ** 32 / Math.fround(256 * count)));
        const at = (row * width + column) * channels + c;
        result[at] = bytes ? Math.floor((sum * multiplier) / 2 ** 24) : sum / count;
      }
    }
  }
  return { data: result, width, height, channels };
}
