import { AddressUsers } from "./address-users.ts";
import { clearAway, type Caring } from "./caring.ts";
import type { ReachHost } from "./reach.ts";
import { Slices } from "./slices.ts";

/**
 * Gives up what virtual servers had that have left, one after the other: of two at one address, each would spare that for
 * the other. There may be thousands, and the rest of this process has turns between them.
 */
export class ClearingAway {
  readonly #host: ReachHost;
  readonly #users: AddressUsers;
  readonly #slices = new Slices();
  /** Never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: ReachHost, now: () => number) {
    this.#host = host;
    this.#users = new AddressUsers(now);
  }

  /** Resolves to whether that was done: not where `isOff`, when its turn comes, says that it is no longer to be done here. */
  add(caring: Caring, isOff: () => boolean): Promise<boolean> {
    const done = this.#last.then(() => this.#clear(caring, isOff));
    this.#last = Promise.allSettled([done]);
    return done;
  }

  /** Others may need since now what they had. */
  forget(): void {
    this.#users.forget();
  }

  // --- internal ---

  async #clear(caring: Caring, isOff: () => boolean): Promise<boolean> {
    if (this.#slices.isOver()) await this.#slices.pause();
    if (isOff()) return false;
    await clearAway(caring, this.#host, this.#users);
    return true;
  }
}
