// The ways a photo comes in: dropped, pasted, picked from a folder, taken with the camera.

import { $ } from "./dom.js";

/** Call `take(file)` for every photo that comes in. */
export function listenForPhotos(take) {
  for (const [button, input] of [["pick", "file"], ["another", "file"], ["shoot", "camera"]]) {
    $(button).addEventListener("click", () => $(input).click());
  }
  for (const input of [$("file"), $("camera")]) {
    input.addEventListener("change", () => {
      if (input.files[0]) take(input.files[0]);
      input.value = "";
    });
  }
  $("shoot").hidden = !matchMedia("(pointer: coarse)").matches;
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])][0];
    if (file) take(file);
  });
  let depth = 0;
  const veil = (change) => {
    depth = Math.max(0, depth + change);
    $("veil").hidden = depth === 0;
  };
  document.addEventListener("dragenter", () => veil(1));
  document.addEventListener("dragleave", () => veil(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    veil(-depth);
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
}

/** The example pictures as buttons. */
export async function showExamples(take) {
  const list = await (await fetch("examples/index.json")).json();
  for (const { file, name } of list) {
    const image = Object.assign(new Image(), { src: `examples/${file}`, alt: name, loading: "lazy", width: 80, height: 80 });
    const button = Object.assign(document.createElement("button"), { type: "button", title: name });
    button.append(image);
    button.addEventListener("click", async () => {
      const blob = await (await fetch(`examples/${file}`)).blob();
      take(new File([blob], file, { type: blob.type }));
    });
    const item = document.createElement("li");
    item.append(button);
    $("examples").append(item);
  }
}
