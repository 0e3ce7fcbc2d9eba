// The mesh in other formats: OBJ with its picture in a ZIP archive, PLY with vertex colours, STL.

import { pixelsOf } from "./image_file.js";
import { zip } from "./zip.js";

const text = (value) => new TextEncoder().encode(value);
const rows = (values, width, line) => {
  const lines = [];
  for (let i = 0; i < values.length; i += width) lines.push(line(values.subarray(i, i + width)));
  return lines.join("\n");
};

/** Wavefront OBJ, MTL and the picture. OBJ counts from 1, and v from the bottom. */
export function toObjZip(mesh, stem) {
  const ending = mesh.image.mimeType === "image/png" ? "png" : "jpg";
  const obj = [
    `mtllib ${stem}.mtl`,
    rows(mesh.positions, 3, (p) => `v ${p.join(" ")}`),
    rows(mesh.uvs, 2, ([u, v]) => `vt ${u} ${1 - v}`),
    rows(mesh.normals, 3, (n) => `vn ${n.join(" ")}`),
    "usemtl material",
    rows(mesh.indices, 3, (f) => `f ${Array.from(f, (i) => `${i + 1}/${i + 1}/${i + 1}`).join(" ")}`),
    "",
  ].join("\n");
  const mtl = `newmtl material\nKd 1 1 1\nillum ${mesh.unlit ? 0 : 1}\nmap_Kd ${stem}.${ending}\n`;
  return zip({ [`${stem}.obj`]: text(obj), [`${stem}.mtl`]: text(mtl), [`${stem}.${ending}`]: mesh.image.bytes });
}

/** Binary little-endian PLY with the texture's colour at each vertex. */
export async function toPly(mesh) {
  const bitmap = await createImageBitmap(new Blob([mesh.image.bytes], { type: mesh.image.mimeType }));
  const { data, width, height } = pixelsOf(bitmap).picture;
  const count = mesh.positions.length / 3;
  const faces = mesh.indices.length / 3;
  const fields = (names, type) => names.map((name) => `property ${type} ${name}`);
  const header = text([
    "ply", "format binary_little_endian 1.0", `element vertex ${count}`,
    ...fields(["x", "y", "z", "nx", "ny", "nz"], "float"), ...fields(["red", "green", "blue"], "uchar"),
    `element face ${faces}`, "property list uchar int vertex_indices", "end_header", "",
  ].join("\n"));
  const file = new Uint8Array(header.length + 27 * count + 13 * faces);
  const view = new DataView(file.buffer);
  file.set(header);
  let at = header.length;
  for (let v = 0; v < count; v++, at += 27) {
    for (let c = 0; c < 3; c++) {
      view.setFloat32(at + 4 * c, mesh.positions[3 * v + c], true);
      view.setFloat32(at + 12 + 4 * c, mesh.normals[3 * v + c], true);
    }
    const column = Math.min(Math.trunc(mesh.uvs[2 * v] * width), width - 1);
    const row = Math.min(Math.trunc(mesh.uvs[2 * v + 1] * height), height - 1);
    for (let c = 0; c < 3; c++) file[at + 24 + c] = data[3 * (row * width + column) + c];
  }
  for (let f = 0; f < faces; f++, at += 13) {
    file[at] = 3;
    for (let k = 0; k < 3; k++) view.setInt32(at + 1 + 4 * k, mesh.indices[3 * f + k], true);
  }
  return file;
}

/** Binary STL: the shape alone. */
export function toStl(mesh) {
  const faces = mesh.indices.length / 3;
  const file = new Uint8Array(84 + 50 * faces);
  const view = new DataView(file.buffer);
  view.setUint32(80, faces, true);
  for (let f = 0; f < faces; f++) {
    const corners = [0, 1, 2].map((k) => {
      const vertex = 3 * mesh.indices[3 * f + k];
      return mesh.positions.subarray(vertex, vertex + 3);
    });
    const [e, g] = [1, 2].map((k) => [0, 1, 2].map((c) => corners[k][c] - corners[0][c]));
    const normal = [e[1] * g[2] - e[2] * g[1], e[2] * g[0] - e[0] * g[2], e[0] * g[1] - e[1] * g[0]];
    const length = Math.hypot(...normal) || 1;
    [...normal.map((value) => value / length), ...corners[0], ...corners[1], ...corners[2]].forEach((value, i) =>
      view.setFloat32(84 + 50 * f + 4 * i, value, true),
    );
  }
  return file;
}
