/** Vertices [V x 3] of a category's shape space: mean + sum of coefficients times basis. */
export function shapeVertices(spaces, category, coefficients) {
  const mean = spaces.get(`${category}.mean`).values;
  const basis = spaces.get(`${category}.basis`).values;
  const vertices = Float64Array.from(mean);
  for (let k = 0; k < coefficients.length; k++) {
    for (let i = 0; i < vertices.length; i++) vertices[i] += coefficients[k] * basis[k * vertices.length + i];
  }
  return vertices;
}
