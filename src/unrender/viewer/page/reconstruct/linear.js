// A dense linear system, solved by Cholesky's decomposition.

/**
 * Solve a symmetric positive definite system [size x size] in place, of which the lower triangle is read; the solution
 * takes the place of `right`. Whether the matrix was positive definite.
 */
export function solvePositive(matrix, right, size) {
  for (let i = 0; i < size; i++) {
    const line = i * size;
    for (let j = 0; j <= i; j++) {
      const other = j * size;
      let total = matrix[line + j];
      for (let k = 0; k < j; k++) total -= matrix[line + k] * matrix[other + k];
      if (i !== j) matrix[line + j] = total / matrix[other + j];
      else if (total > 0) matrix[line + i] = Math.sqrt(total);
      else return false;
    }
  }
  for (let i = 0; i < size; i++) {
    let total = right[i];
    for (let k = 0; k < i; k++) total -= matrix[i * size + k] * right[k];
    right[i] = total / matrix[i * size + i];
  }
  for (let i = size - 1; i >= 0; i--) {
    right[i] /= matrix[i * size + i];
    for (let k = 0; k < i; k++) right[k] -= matrix[i * size + k] * right[i];
  }
  return true;
}

/** Lower triangle of matrix [size x size] += sum of rows times themselves, over `count` rows, a multiple of 4. */
export function addProducts(rows, count, matrix, size) {
  for (let r0 = 0; r0 < count * size; r0 += 4 * size) {
    const r1 = r0 + size;
    const r2 = r1 + size;
    const r3 = r2 + size;
    for (let p = 0; p < size; p++) {
      const a0 = rows[r0 + p];
      const a1 = rows[r1 + p];
      const a2 = rows[r2 + p];
      const a3 = rows[r3 + p];
      const line = p * size;
      for (let q = 0; q <= p; q++) {
        matrix[line + q] += a0 * rows[r0 + q] + a1 * rows[r1 + q] + a2 * rows[r2 + q] + a3 * rows[r3 + q];
      }
    }
  }
}
