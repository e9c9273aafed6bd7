// @ts-check

/** The daemon's time, which its reports are based on: the clock of the browser may differ. */
export class DaemonClock {
  #daemonMs = Date.now();
  #ownMs = performance.now();
  /** @type {number | undefined} */
  #stoppedAt;

  /** @param {string} iso What the daemon's clock says right now. */
  set(iso) {
    const ms = Date.parse(iso);
    if (!Number.isFinite(ms)) return;
    this.#daemonMs = ms;
    this.#ownMs = performance.now();
  }

  /** Ages that are shown must not grow while nobody knows whether they do. */
  stop() {
    this.#stoppedAt ??= this.#running();
  }

  start() {
    this.#stoppedAt = undefined;
  }

  now() {
    return this.#stoppedAt ?? this.#running();
  }

  /** How long it has been stopped. */
  stoppedForMs() {
    return this.#stoppedAt === undefined ? 0 : this.#running() - this.#stoppedAt;
  }

  // --- internal ---

  #running() {
    return this.#daemonMs + performance.now() - this.#ownMs;
  }
}
