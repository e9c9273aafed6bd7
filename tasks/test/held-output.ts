/** Output of something in the background: kept until its turn comes, then passed on as it appears. */
export class HeldOutput {
  #held: Uint8Array[] | undefined = [];

  readonly write = (chunk: Uint8Array): void => {
    if (this.#held === undefined) process.stdout.write(chunk);
    else this.#held.push(chunk);
  };

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) process.stdout.write(chunk);
  }
}
