/** Unit normals [V x 3] at the vertices: the sum of the adjoining faces' normals, weighted by area. */
export function vertexNormals(vertices, faces) {
  const total = new Float64Array(vertices.length);
  let largest = 0;
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
    const e = [0, 1, 2].map((k) => vertices[b + k] - vertices[a + k]);
    const g = [0, 1, 2].map((k) => vertices[c + k] - vertices[a + k]);
    const normal = [e[1] * g[2] - e[2] * g[1], e[2] * g[0] - e[0] * g[2], e[0] * g[1] - e[1] * g[0]];
    for (let k = 0; k < 3; k++) {
      largest = Math.max(largest, Math.abs(normal[k]));
      for (const corner of [a, b, c]) total[corner + k] += normal[k];
    }
  }
  const tiny = 1e-30 + 1e-14 * largest;
  const result = new Float32Array(vertices.length);
  for (let v = 0; v < vertices.length; v += 3) {
    const length = Math.hypot(total[v], total[v + 1], total[v + 2]);
    if (length > tiny) for (let k = 0; k < 3; k++) result[v + k] = total[v + k] / length;
    else result[v + 2] = 1;
  }
  return result;
}
