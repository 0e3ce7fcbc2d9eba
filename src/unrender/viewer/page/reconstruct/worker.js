// The reconstruction in a thread of its own, so that the page stays responsive.

import { pixelsOf } from "../mesh/image_file.js";
import { loadAssets } from "./assets.js";
import { PhotoError } from "./errors.js";
import { reconstruct } from "./pipeline.js";

let assets = null;

self.onmessage = async ({ data: { id, base, bitmap, options } }) => {
  try {
    assets ??= loadAssets(base);
    const ready = await assets;
    if (!bitmap) return self.postMessage({ id, ready: true });
    const { glb, record } = await reconstruct(ready, pixelsOf(bitmap), options);
    bitmap.close();
    self.postMessage({ id, glb, record }, [glb.buffer]);
  } catch (error) {
    const known = error instanceof PhotoError;
    if (!known) console.error(error);
    self.postMessage({ id, error: known ? error.message : `Something went wrong in the browser: ${error.message}` });
  }
};
