// Pictures to and from files, in a page or in a worker.

/** A lossless PNG file of 8-bit sRGB values [height x width x 3], Uint8Array. */
export async function encodePng(values, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const pixels = new ImageData(width, height);
  for (let i = 0, j = 0; j < values.length; i += 4, j += 3) {
    pixels.data[i] = values[j];
    pixels.data[i + 1] = values[j + 1];
    pixels.data[i + 2] = values[j + 2];
    pixels.data[i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await blob.arrayBuffer());
}

/** The upright picture of an ImageBitmap: {data [height x width x 3], width, height, channels} and `alpha` or null. */
export function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(3 * width * height);
  const alpha = new Uint8Array(width * height);
  let opaque = true;
  for (let i = 0, j = 0, k = 0; i < rgba.length; i += 4, j += 3, k++) {
    data[j] = rgba[i];
    data[j + 1] = rgba[i + 1];
    data[j + 2] = rgba[i + 2];
    alpha[k] = rgba[i + 3];
    opaque &&= alpha[k] === 255;
  }
  return { picture: { data, width, height, channels: 3 }, alpha: opaque ? null : alpha };
}
