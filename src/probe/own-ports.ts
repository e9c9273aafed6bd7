/**
 * Whose kept connections have local ports that are nobody else's: of as many real servers as leave most of a host's 28,000 to others. Each has a
 * new one now and then, and the kernel keeps the port of the one before for a minute.
 */
export class OwnPorts {
  #left: number;

  constructor(realServers = 64) {
    this.#left = realServers;
  }

  /** Whether there are any for one more real server, which gives them back at its end. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  giveBack(): void {
    this.#left++;
  }
}
