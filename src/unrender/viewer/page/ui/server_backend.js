// Reconstruction on the server that the page came from.

/** Something is wrong that the visitor should read. */
export class BackendError extends Error {}

export class ServerBackend {
  constructor(config) {
    this.formats = config.formats;
    this.note = "Photos go to this server and are not kept.";
  }

  prepare() {}

  /** {glb: ArrayBuffer, record} for a file and a choice ({}, {point} or {box}, perhaps {category}). */
  async reconstruct(file, choice, options) {
    const form = formOf(file, choice);
    if (options.appearance) form.append("appearance", options.appearance);
    const record = await (await ask("reconstruct", { method: "POST", body: form })).json();
    return { glb: await (await ask(record.files.glb)).arrayBuffer(), record };
  }

  /** As `reconstruct`, with `seconds` of refinement; `report` hears {share, iteration, iou}. */
  async refine(file, choice, seconds, report, signal) {
    const form = formOf(file, choice);
    form.append("seconds", seconds);
    const response = await ask("refine", { method: "POST", body: form, signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new BackendError("The server stopped in the middle of the refinement.");
      const lines = (text + value).split("\n");
      text = lines.pop();
      for (const line of lines.map((entry) => JSON.parse(entry))) {
        if (line.reason) throw new BackendError(line.reason);
        if (line.record) return { glb: await (await ask(line.record.files.glb)).arrayBuffer(), record: line.record };
        report(line);
      }
    }
  }

  /** Where a format can be got. */
  file(result, format) {
    return result.record.files[format];
  }
}

function formOf(file, choice) {
  const form = new FormData();
  form.append("photo", file);
  if (choice.point) form.append("point", `${choice.point.x},${choice.point.y}`);
  if (choice.box) form.append("box", [choice.box.x, choice.box.y, choice.box.width, choice.box.height].join(","));
  if (choice.category) form.append("category", choice.category);
  return form;
}

async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new BackendError("The server cannot be reached. Is `unrender serve` still running?");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new BackendError(body.reason ?? `The server answered with status ${response.status}.`);
}
