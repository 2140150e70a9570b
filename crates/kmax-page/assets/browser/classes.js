// What each query is.

/** Class probabilities of a query, void last. */
export function probabilities(logits, query, classes) {
  const row = logits.subarray(query * (classes + 1), (query + 1) * (classes + 1));
  const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const numerators = Float64Array.from(row, (logit) => Math.exp(logit - most));
  const sum = numerators.reduce((a, b) => a + b, 0);
  return Float32Array.from(numerators, (numerator) => numerator / sum);
}

/** For each query its best class that is not void, the first of equal ones: index and probability. */
export function best(logits, queries, classes) {
  return Array.from({ length: queries }, (_, query) => {
    const row = probabilities(logits, query, classes).subarray(0, classes);
    let index = 0;
    row.forEach((probability, i) => {
      if (probability > row[index]) index = i;
    });
    return { class: index, score: row[index] };
  });
}
