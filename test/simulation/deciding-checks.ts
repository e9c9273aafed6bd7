import type { HealthCheckOptions } from "../../src/config/combination.ts";
import { isWrong } from "./random-reloads.ts";

/** Which of the probes that were configured may decide for the real servers, as far as that can be known from outside. */
export class DecidingChecks {
  #configured: HealthCheckOptions;
  #possible: readonly HealthCheckOptions[];
  #isTold = true;

  constructor(first: HealthCheckOptions) {
    this.#configured = first;
    this.#possible = [first];
  }

  get configured(): HealthCheckOptions {
    return this.#configured;
  }

  /** What was to be told of the last change was told: that it decides, or that it is suspicious. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** The only one that it can be; undefined where it may be one or another. */
  get only(): HealthCheckOptions | undefined {
    return this.#possible.length === 1 ? this.#possible[0] : undefined;
  }

  /** It may be one that lets no server serve. */
  get mayBeWrong(): boolean {
    return this.#possible.some(isWrong);
  }

  /** A daemon that starts anew, or has no real servers yet, has none before it. */
  startAfresh(): void {
    this.#possible = [this.#configured];
    this.#isTold = true;
  }

  /** Until it proves itself, the one before it decides, and it may do so soon, unless it cannot. */
  change(checks: HealthCheckOptions): void {
    this.#configured = checks;
    this.#isTold = false;
    if (!isWrong(checks)) this.#possible = [...this.#possible, checks];
  }

  /** It let some of them serve, or took them out; with nobody left on trial, there is no other. */
  accepted(isByVerdicts: boolean): void {
    this.#isTold = true;
    if (!isByVerdicts || !isWrong(this.#configured)) this.startAfresh();
  }

  suspicious(): void {
    this.#isTold = true;
  }
}
