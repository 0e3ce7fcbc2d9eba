// Reading the GLB files that unrender writes: one mesh, one primitive, one embedded picture.

const ARRAYS = { 5126: Float32Array, 5123: Uint16Array, 5125: Uint32Array };
const WIDTHS = { SCALAR: 1, VEC2: 2, VEC3: 3 };

/** {positions, normals, uvs, indices, image: {bytes, mimeType}, unlit} of a GLB file in an ArrayBuffer. */
export function readGlb(buffer) {
  const view = new DataView(buffer);
  const jsonLength = view.getUint32(12, true);
  const document = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, jsonLength)));
  const start = 28 + jsonLength;
  const bytes = (index) => {
    const { byteOffset = 0, byteLength } = document.bufferViews[index];
    return buffer.slice(start + byteOffset, start + byteOffset + byteLength);
  };
  const values = (index) => {
    if (index === undefined) return null;
    const { bufferView, componentType, count, type } = document.accessors[index];
    return new ARRAYS[componentType](bytes(bufferView), 0, count * WIDTHS[type]);
  };
  const { attributes, indices } = document.meshes[0].primitives[0];
  const picture = document.images?.[0];
  return {
    positions: values(attributes.POSITION),
    normals: values(attributes.NORMAL),
    uvs: values(attributes.TEXCOORD_0),
    indices: values(indices),
    image: picture ? { bytes: new Uint8Array(bytes(picture.bufferView)), mimeType: picture.mimeType } : null,
    unlit: Boolean(document.materials?.[0]?.extensions?.KHR_materials_unlit),
  };
}
