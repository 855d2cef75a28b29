/** Settings of operators whose outputs have a range by their nature, so that it needs no data. */
export const KNOWN_RANGES = {
  Sigmoid: { encoding_constraints: { min: 0, max: 1 } },
  Softmax: { encoding_constraints: { min: 0, max: 1 } },
  Tanh: { encoding_constraints: { min: -1, max: 1 } },
};
