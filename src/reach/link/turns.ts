/** Lets one after the other do what nobody else may do meanwhile, in the order of asking. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action);
    // Whoever comes next does not care how it went.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
