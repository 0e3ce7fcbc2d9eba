// The mesh in <model-viewer>: loading, ways of showing it, the starting view.

import { variant } from "../mesh/variants.js";
import { $ } from "./dom.js";

let mesh = null;
let startOrbit = "auto auto auto";
let shownUrl = null;

/** Show a mesh (from `readGlb`), at first from where the photo was taken. */
export async function showMesh(next, camera) {
  mesh = next;
  startOrbit = orbitOf(camera, next.positions);
  const viewer = $("viewer");
  viewer.cameraOrbit = startOrbit;
  await redraw(false);
  $("toggles").disabled = false;
}

/** Connect the toggles. */
export function listenForToggles() {
  for (const id of ["show-texture", "show-wireframe", "show-normals"]) $(id).addEventListener("change", () => redraw(true));
  $("turn").addEventListener("change", () => ($("viewer").autoRotate = $("turn").checked));
  $("reset-view").addEventListener("click", () => {
    const viewer = $("viewer");
    viewer.cameraTarget = "auto auto auto";
    viewer.fieldOfView = "auto";
    viewer.cameraOrbit = "0deg 0deg auto";
    viewer.cameraOrbit = startOrbit;
    viewer.resetTurntableRotation(0);
  });
}

async function redraw(keepView) {
  if (!mesh) return;
  const viewer = $("viewer");
  const options = {
    texture: $("show-texture").checked, wireframe: $("show-wireframe").checked, normals: $("show-normals").checked,
  };
  const plain = options.texture && !options.wireframe && !options.normals;
  const file = plain && mesh.file ? mesh.file : variant(mesh, options);
  const url = URL.createObjectURL(new Blob([file], { type: "model/gltf-binary" }));
  const orbit = keepView && viewer.loaded ? viewer.getCameraOrbit().toString() : startOrbit;
  await new Promise((resolve, reject) => {
    viewer.addEventListener("load", resolve, { once: true });
    viewer.addEventListener("error", () => reject(new Error("The mesh could not be shown (WebGL).")), { once: true });
    viewer.cameraOrbit = orbit;
    viewer.src = url;
  });
  viewer.jumpCameraToGoal();
  if (shownUrl) URL.revokeObjectURL(shownUrl);
  shownUrl = url;
}

/** "theta phi auto" of the photo's camera as seen from the middle of the mesh. */
function orbitOf({ rotation: r, translation: t }, positions) {
  const middle = [0, 1, 2].map((axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = axis; i < positions.length; i += 3) [low, high] = [Math.min(low, positions[i]), Math.max(high, positions[i])];
    return (low + high) / 2;
  });
  const eye = [0, 1, 2].map((k) => -(r[k] * t[0] + r[3 + k] * t[1] + r[6 + k] * t[2]) - middle[k]);
  const theta = Math.atan2(eye[0], eye[2]);
  const phi = Math.acos(eye[1] / Math.hypot(...eye));
  return `${theta}rad ${Math.min(Math.max(phi, 0.3), 2.6)}rad auto`;
}
