// Links to the mesh in every format.

import { $ } from "./dom.js";

const TITLES = { glb: "GLB", obj: "OBJ", ply: "PLY", stl: "STL", usdz: "USDZ", collision: "Collision" };
const ENDINGS = { obj: ".zip", collision: ".collision.obj" };

/** Show one link for each format; `file(format)` gives a URL or a promise of a Blob. */
export function showDownloads(formats, stem, file) {
  const links = formats.map((format) => {
    const name = `${stem}${ENDINGS[format] ?? `.${format}`}`;
    const link = Object.assign(document.createElement("a"), {
      className: "download", textContent: TITLES[format] ?? format.toUpperCase(), download: name, href: "#",
    });
    link.dataset.format = format;
    link.setAttribute("aria-label", `Download ${name}`);
    const source = file(format);
    if (typeof source === "string") link.href = source;
    else link.addEventListener("click", (event) => {
      event.preventDefault();
      source().then((blob) => save(blob, name));
    });
    return link;
  });
  $("downloads").replaceChildren(...links);
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
