/** The clock of the machines: milliseconds that pass even while this host sleeps, and timers. */
export interface Clock {
  now(): number;
  setTimeout(fire: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}
