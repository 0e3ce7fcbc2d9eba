const PART_OUT = 0.5;

/** Coefficients with an optional part (open wings) put away unless it is clearly out. */
export function settle(spaces, category, coefficients) {
  const optional = spaces.get(`${category}.optional`)?.values;
  const first = optional ? optional.indexOf(1) : -1;
  if (first < 0 || coefficients[first] >= PART_OUT) return coefficients;
  return coefficients.map((value, k) => (optional[k] ? 0 : value));
}

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
