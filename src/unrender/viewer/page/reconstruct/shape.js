const PART_OUT = 0.5;

const GENERAL = "object";
const MIN_CONFIDENCE = 0.4;

/** Probability of a category, 0 where the network has none of that name. */
export function confidence(card, guess, category) {
  return guess.categories[card.categories.indexOf(category)] ?? 0;
}

/** The shape category of a photo: the likeliest, or the general one where that is not probable. */
export function likeliest(card, guess) {
  const names = card.shape_categories;
  const best = names.reduce((a, b) => (confidence(card, guess, b) > confidence(card, guess, a) ? b : a));
  const sure = confidence(card, guess, best) >= (card.min_confidence ?? MIN_CONFIDENCE);
  return sure || !names.includes(GENERAL) ? best : GENERAL;
}

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
  const known = basis.length / vertices.length;
  for (let k = 0; k < Math.min(known, coefficients.length); k++) {
    for (let i = 0; i < vertices.length; i++) vertices[i] += coefficients[k] * basis[k * vertices.length + i];
  }
  return vertices;
}
