import type { NetlinkConnection } from "../../netlink/connection.ts";
import { resolveFamily } from "../../netlink/generic.ts";
import { IPVS_FAMILY_NAME } from "../../netlink/ipvs/requests.ts";
import type { KernelRefusal } from "../../netlink/messages.ts";
import { moduleMissing, refusalError } from "./ipvs-errors.ts";

/**
 * IPVS's number in the kernel, which changes when the module is reloaded. It is looked up again after any ENOENT,
 * because the kernel also answers that to an outdated number. That IPVS is absent is never remembered.
 */
export class IpvsFamily {
  readonly #connection: NetlinkConnection;
  #number: number | undefined;

  constructor(connection: NetlinkConnection) {
    this.#connection = connection;
  }

  /**
   * Runs an exchange with the family's number, and once more with the new one if it proves to have changed.
   * Throws MODULE_MISSING or NOT_PERMITTED.
   */
  exchange<T>(run: (family: number) => T, refusalsOf: (result: T) => readonly (KernelRefusal | undefined)[]): T {
    const family = (this.#number ??= this.#resolve());
    const result = this.#forgettingOnThrow(() => run(family));
    if (!refusalsOf(result).some((refusal) => refusal?.errno === "ENOENT")) return result;
    this.#number = undefined;
    this.#number = this.#resolve();
    return this.#number === family ? result : run(this.#number);
  }

  #forgettingOnThrow<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.#number = undefined;
      throw error;
    }
  }

  #resolve(): number {
    const found = resolveFamily(this.#connection, IPVS_FAMILY_NAME);
    if (typeof found === "number") return found;
    throw found.errno === "ENOENT" ? moduleMissing(found) : refusalError(found, "find IPVS in the kernel");
  }
}
