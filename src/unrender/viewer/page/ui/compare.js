// The photo against the mesh drawn with the camera and light that were found, with a slider between them.

import { pixelsOf } from "../mesh/image_file.js";
import { cameraFromJson } from "../reconstruct/camera.js";
import { $, fitted } from "./dom.js";
import { drawMesh } from "./draw_mesh.js";

const LONGEST = 640;
const FINE = 1024; // the mesh is drawn this large, then made smaller, for smooth edges

/** Prepare both pictures. */
export async function prepareComparison(photo, mesh, record) {
  const scale = LONGEST / Math.max(photo.width, photo.height);
  const width = Math.max(1, Math.round(photo.width * scale));
  const height = Math.max(1, Math.round(photo.height * scale));
  const before = $("compare-before");
  const after = $("compare-after");
  for (const canvas of [before, after]) Object.assign(canvas, { width, height });
  before.getContext("2d").drawImage(photo, 0, 0, width, height);

  const bitmap = await createImageBitmap(new Blob([mesh.image.bytes], { type: mesh.image.mimeType }));
  const texture = pixelsOf(bitmap).picture;
  const light = record.light.sh9.flat();
  const [fineWidth, fineHeight] = [width, height].map((side) => Math.round((side * FINE) / LONGEST));
  const drawn = drawMesh(mesh, texture, cameraFromJson(record.camera), light, fineWidth, fineHeight);
  const layer = new OffscreenCanvas(fineWidth, fineHeight);
  layer.getContext("2d").putImageData(drawn, 0, 0);
  const context = after.getContext("2d");
  context.globalAlpha = 0.16;
  context.drawImage(photo, 0, 0, width, height);
  context.globalAlpha = 1;
  context.imageSmoothingQuality = "high";
  context.drawImage(layer, 0, 0, width, height);
  fit();
}

/** Connect the slider. */
export function listenForSlider() {
  $("slider").addEventListener("input", slide);
  addEventListener("resize", fit);
  slide();
}

/** Adapt to the space there is. */
export function fit() {
  const after = $("compare-after");
  const { width, height } = fitted($("stage"), after.width, after.height);
  for (const canvas of [after, $("compare-before")]) Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
}

function slide() {
  const value = Number($("slider").value);
  $("compare-before").style.clipPath = `inset(0 ${100 - value}% 0 0)`;
  $("divider").style.left = `${value}%`;
  $("slider").setAttribute("aria-valuetext", `${value} % photo, ${100 - value} % mesh`);
}
