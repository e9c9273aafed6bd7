/** Numbers from 0 to 1 like those of Math.random, the same ones for the same seed (xorshift with 32 bits, after Marsaglia). */
export function seededRandom(seed: number): () => number {
  // Neighbouring seeds must not give neighbouring numbers, and 0 would give nothing but 0.
  let state = Math.imul(seed ^ (seed >>> 15), 0x9e37_79b1) || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let drawn = 0; drawn < 8; drawn++) next();
  return next;
}
