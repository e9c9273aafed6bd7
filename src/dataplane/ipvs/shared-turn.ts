/**
 * What is asked for in one turn, done together at the end of it: before the event loop goes on, so that nothing waits
 * for a timer or a socket.
 */
export class SharedTurn<Wish> {
  readonly #run: (wishes: readonly Wish[]) => void;
  #wishes: Wish[] = [];

  /** `run` must not throw: each wish has somebody of its own to be told. */
  constructor(run: (wishes: readonly Wish[]) => void) {
    this.#run = run;
  }

  add(wish: Wish): void {
    this.#wishes.push(wish);
    if (this.#wishes.length > 1) return;
    queueMicrotask(() => {
      const wishes = this.#wishes;
      this.#wishes = [];
      this.#run(wishes);
    });
  }
}
