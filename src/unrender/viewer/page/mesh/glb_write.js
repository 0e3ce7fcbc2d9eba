// Writing binary glTF 2.0: a JSON chunk and a binary chunk.

const FLOAT = 5126, UINT16 = 5123, UINT32 = 5125;
const ARRAY = 34962, ELEMENTS = 34963;
const TYPES = { 1: "SCALAR", 2: "VEC2", 3: "VEC3" };

/** Collects the binary chunk and what describes it. */
class Binary {
  constructor() {
    this.parts = [];
    this.length = 0;
    this.views = [];
    this.accessors = [];
  }

  view(values, target) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.views.push({ buffer: 0, byteOffset: this.length, byteLength: bytes.length, ...(target && { target }) });
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    this.parts.push(padded);
    this.length += padded.length;
    return this.views.length - 1;
  }

  accessor(values, width, bounds = false) {
    const indices = !(values instanceof Float32Array);
    const entry = {
      bufferView: this.view(values, indices ? ELEMENTS : ARRAY),
      componentType: indices ? (values instanceof Uint16Array ? UINT16 : UINT32) : FLOAT,
      count: values.length / width,
      type: TYPES[width],
    };
    if (bounds) Object.assign(entry, extremes(values, width));
    this.accessors.push(entry);
    return this.accessors.length - 1;
  }
}

function extremes(values, width) {
  const min = Array(width).fill(Infinity);
  const max = Array(width).fill(-Infinity);
  values.forEach((value, i) => {
    min[i % width] = Math.min(min[i % width], value);
    max[i % width] = Math.max(max[i % width], value);
  });
  return { min, max };
}

/**
 * One mesh as a GLB file, Uint8Array.
 *
 * mesh: {positions, normals, uvs (origin top left), indices}, and optionally `image` {bytes, mimeType}, `colors`
 * [V x 3] linear, `lines` (indices of line segments, drawn dark). unlit: colours contain their light already.
 */
export function writeGlb(mesh, { unlit = false, name = "albedo" } = {}) {
  const binary = new Binary();
  const attributes = {
    POSITION: binary.accessor(mesh.positions, 3, true),
    NORMAL: binary.accessor(mesh.normals, 3),
  };
  if (mesh.image) attributes.TEXCOORD_0 = binary.accessor(mesh.uvs, 2);
  if (mesh.colors) attributes.COLOR_0 = binary.accessor(mesh.colors, 3);
  const indices = binary.accessor(shortest(mesh.indices, mesh.positions.length / 3), 1);
  const surface = { metallicFactor: 0, roughnessFactor: 0.9 };
  const material = { name, pbrMetallicRoughness: surface };
  if (unlit) material.extensions = { KHR_materials_unlit: {} };
  const document = {
    asset: { version: "2.0", generator: "unrender (browser)" },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0, name: "object" }],
    meshes: [{ primitives: [{ attributes, indices, material: 0, mode: 4 }] }],
    materials: [material],
  };
  if (mesh.image) {
    surface.baseColorTexture = { index: 0 };
    document.textures = [{ source: 0, sampler: 0 }];
    document.images = [{ bufferView: binary.view(mesh.image.bytes), mimeType: mesh.image.mimeType, name: "color" }];
    document.samplers = [{ magFilter: 9729, minFilter: 9987, wrapS: 33071, wrapT: 33071 }];
  }
  if (mesh.lines) {
    const lines = binary.accessor(shortest(mesh.lines, mesh.positions.length / 3), 1);
    const dark = { baseColorFactor: [0.02, 0.03, 0.04, 1], metallicFactor: 0, roughnessFactor: 1 };
    document.meshes[0].primitives.push({ attributes: { POSITION: 0 }, indices: lines, material: 1, mode: 1 });
    document.materials.push({ name: "wireframe", pbrMetallicRoughness: dark, extensions: { KHR_materials_unlit: {} } });
  }
  if (unlit || mesh.lines) document.extensionsUsed = ["KHR_materials_unlit"];
  return assemble(document, binary);
}

function shortest(indices, vertices) {
  return vertices <= 65535 ? Uint16Array.from(indices) : Uint32Array.from(indices);
}

function assemble(document, binary) {
  document.accessors = binary.accessors;
  document.bufferViews = binary.views;
  document.buffers = [{ byteLength: binary.length }];
  let text = JSON.stringify(document);
  text += " ".repeat((4 - (new TextEncoder().encode(text).length % 4)) % 4);
  const json = new TextEncoder().encode(text);
  const file = new Uint8Array(28 + json.length + binary.length);
  const view = new DataView(file.buffer);
  [0x46546c67, 2, file.length, json.length, 0x4e4f534a].forEach((word, i) => view.setUint32(4 * i, word, true));
  file.set(json, 20);
  view.setUint32(20 + json.length, binary.length, true);
  view.setUint32(24 + json.length, 0x004e4942, true);
  let at = 28 + json.length;
  for (const part of binary.parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
