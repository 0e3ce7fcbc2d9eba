// The page: what happens from a photo to a mesh, whichever backend does the work.

import { readGlb } from "../mesh/glb_read.js";
import { cameraFromJson } from "../reconstruct/camera.js";
import { BrowserBackend } from "./browser_backend.js";
import { fit, listenForSlider, prepareComparison } from "./compare.js";
import { $, fitted } from "./dom.js";
import { showDownloads } from "./downloads.js";
import { complain, say, size } from "./messages.js";
import { listenForChoice } from "./object_choice.js";
import { listenForPhotos, showExamples } from "./photo_input.js";
import { listenForRefinement } from "./refine.js";
import { ServerBackend } from "./server_backend.js";
import { listenForToggles, showMesh } from "./stage.js";

const config = await (await fetch("config.json")).json();
const backend = config.mode === "server" ? new ServerBackend(config) : new BrowserBackend(config);
let file = null;
let chosen = {};
let bitmap = null;
let run = 0;
/** Where the object is, {} for the whole photo, {point} or {box}; `chosen` also holds the category if one was picked. */
let place = {};

const choice = listenForChoice((wanted) => work(wanted));
listenForPhotos(take);
listenForToggles();
listenForSlider();
$("refine-row").hidden = !config.refine;
listenForRefinement(async (report, signal) => {
  const mine = run;
  const result = await backend.refine(file, chosen, config.refine, report, signal);
  return mine === run ? result : null;
}, present);
$("where").textContent = backend.note;
offerCategories(config.categories ?? []);
$("category").addEventListener("change", () => work(place));
$("whole").addEventListener("click", () => work({}));
$("view-3d").addEventListener("click", () => view(false));
$("view-compare").addEventListener("click", () => view(true));
$("drop").classList.add("empty");
addEventListener("resize", layPhoto);
showExamples(take).catch(() => ($("examples-title").hidden = true));
if (config.mode === "browser") {
  say("Loading the model (once, about 30 MB) ...");
  Promise.resolve(backend.prepare()).then(() => run || say("Ready."), (error) => complain(error.message));
}
document.documentElement.dataset.ready = "true";

/** Say what the model knows and, where that is more than one thing, let the visitor say what the photo shows. */
function offerCategories(names) {
  $("knows").textContent = names.join(", ");
  if (names.length < 2) return;
  for (const name of names) $("category").append(new Option(name, name));
}

/** Take a new photo: check it, show it, reconstruct it. */
async function take(next) {
  if (next.size > config.max_bytes) {
    return complain(`The file is larger than ${size(config.max_bytes)} (${size(next.size)}). Use a smaller picture.`);
  }
  const picture = await createImageBitmap(next).catch(() => null);
  if (!picture && (config.mode === "browser" || !next.type.startsWith("image/"))) {
    return complain("The file is not a picture that can be read here. Use a JPEG, PNG or WebP file.");
  }
  if (picture && picture.width * picture.height > config.max_pixels) {
    return complain(`The picture has more than ${config.max_pixels / 1e6} million pixels. Scale it down first.`);
  }
  file = next;
  bitmap = picture;
  $("invite").hidden = true;
  $("drop").classList.remove("empty");
  $("another").hidden = false;
  $("category").value = "";
  $("category-row").hidden = $("category").options.length < 2;
  $("frame").hidden = !picture;
  $("unseen").hidden = Boolean(picture);
  $("choose-help").hidden = !picture;
  layPhoto();
  await work({});
}

/** Draw the photo at the size there is. */
function layPhoto() {
  if (!bitmap) return;
  const canvas = $("photo");
  const shown = fitted($("drop"), bitmap.width, bitmap.height);
  const fine = Math.min(devicePixelRatio || 1, 2);
  Object.assign(canvas, { width: Math.round(shown.width * fine), height: Math.round(shown.height * fine) });
  Object.assign(canvas.style, { width: `${shown.width}px`, height: `${shown.height}px` });
  Object.assign(canvas.dataset, { photoWidth: bitmap.width, photoHeight: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  fit();
}

/** Reconstruct the photo, or the object chosen in it. A newer call wins over one that still runs. */
async function work(wanted) {
  if (!file) return;
  const mine = ++run;
  const start = performance.now();
  place = wanted;
  chosen = $("category").value ? { ...wanted, category: $("category").value } : wanted;
  $("refine").disabled = true;
  $("refine-detail").textContent = "";
  choice.show(wanted.box ?? null);
  $("whole").hidden = !(wanted.box || wanted.point);
  $("busy").hidden = false;
  say("Reconstructing ...");
  try {
    const result = await backend.reconstruct(file, chosen, {}, bitmap);
    if (mine !== run) return;
    document.documentElement.dataset.receivedMs = (performance.now() - start).toFixed(1);
    await present(result, start);
  } catch (error) {
    if (mine === run) complain(error.message);
  } finally {
    if (mine === run) $("busy").hidden = true;
  }
}

/** Show a result. */
async function present(result, start) {
  const { glb, record } = result;
  result.mesh = { ...readGlb(glb), file: glb };
  $("placeholder").hidden = true;
  $("refine").disabled = false;
  for (const id of ["view-3d", "view-compare"]) $(id).disabled = false;
  if (!bitmap) $("view-compare").disabled = true;
  const stem = file.name.replace(/\.[^.]*$/, "") || "object";
  showDownloads(backend.formats, stem, (format) => backend.file(result, format, stem));
  view($("view-compare").getAttribute("aria-pressed") === "true" && Boolean(bitmap));
  const shown = showMesh(result.mesh, cameraFromJson(record.camera));
  await shown.catch((error) => complain(`${error.message} Compare and the downloads work all the same.`));
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  const computed = Object.values(record.timings_ms).reduce((sum, value) => sum + value, 0);
  if ($("error").hidden) say(`${record.category}, ${record.mesh.faces} triangles; shown after ${seconds} s, of which ${Math.round(computed)} ms are the reconstruction.`);
  Object.assign(document.documentElement.dataset, { shown: String(run), shownMs: (performance.now() - start).toFixed(1) });
  if (bitmap) await prepareComparison(bitmap, result.mesh, record);
}

/** Switch between the mesh and the comparison. */
function view(compare) {
  $("viewer").hidden = compare;
  $("compare").hidden = !compare;
  $("toggles").hidden = compare;
  $("view-3d").setAttribute("aria-pressed", String(!compare));
  $("view-compare").setAttribute("aria-pressed", String(compare));
  if (compare) fit();
}
