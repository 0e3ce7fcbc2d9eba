// Reconstruction in this browser: a worker runs the network and everything after it.

import { toObjZip, toPly, toStl } from "../mesh/other_formats.js";
import { BackendError } from "./server_backend.js";

export class BrowserBackend {
  constructor(config) {
    this.formats = config.formats;
    this.note = "Everything happens in your browser: the photo is not uploaded.";
    this.worker = new Worker("reconstruct/worker.js", { type: "module" });
    this.waiting = new Map();
    this.worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) reject(new BackendError(data.error));
      else resolve(data);
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new BackendError(`The browser cannot run the model (${event.message}).`));
      this.waiting.clear();
    };
  }

  /** Load the model ahead of the first photo. */
  prepare() {
    return this.call({});
  }

  async reconstruct(file, choice, options, bitmap) {
    if (!bitmap) throw new BackendError("The file is not a picture that this browser can read. Use a JPEG, PNG or WebP file.");
    const copy = await createImageBitmap(bitmap);
    const { glb, record } = await this.call({ bitmap: copy, options: { ...choice, ...options } }, [copy]);
    return { glb: glb.buffer, record };
  }

  call(message, transfer = []) {
    const id = crypto.getRandomValues(new Uint32Array(1))[0];
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, base: new URL("model/", document.baseURI).href, ...message }, transfer);
    });
  }

  /** A function that makes the file of a format. */
  file(result, format, stem) {
    const blob = (bytes, type) => new Blob([bytes], { type });
    return {
      glb: async () => blob(result.glb, "model/gltf-binary"),
      obj: async () => blob(toObjZip(result.mesh, stem), "application/zip"),
      ply: async () => blob(await toPly(result.mesh), "application/octet-stream"),
      stl: async () => blob(toStl(result.mesh), "model/stl"),
    }[format];
  }
}
