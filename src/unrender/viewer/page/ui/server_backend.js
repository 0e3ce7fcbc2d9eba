// Reconstruction on the server that the page came from.

/** Something is wrong that the visitor should read. */
export class BackendError extends Error {}

export class ServerBackend {
  constructor(config) {
    this.formats = config.formats;
    this.note = "Photos go to this server and are not kept.";
  }

  prepare() {}

  /** {glb: ArrayBuffer, record} for a file and a choice ({}, {point} or {box}). */
  async reconstruct(file, choice, options) {
    const form = new FormData();
    form.append("photo", file);
    if (choice.point) form.append("point", `${choice.point.x},${choice.point.y}`);
    if (choice.box) form.append("box", [choice.box.x, choice.box.y, choice.box.width, choice.box.height].join(","));
    if (options.appearance) form.append("appearance", options.appearance);
    const record = await (await ask("reconstruct", { method: "POST", body: form })).json();
    const glb = await (await ask(record.files.glb)).arrayBuffer();
    return { glb, record };
  }

  /** Where a format can be got. */
  file(result, format) {
    return result.record.files[format];
  }
}

async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new BackendError("The server cannot be reached. Is `unrender serve` still running?");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new BackendError(body.reason ?? `The server answered with status ${response.status}.`);
}
