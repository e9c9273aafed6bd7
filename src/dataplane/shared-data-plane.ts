import type { DataPlane } from "./data-plane.ts";

/** One data plane for several virtual servers of a process: opened by the first user, and closed after the last one. */
export class SharedDataPlane {
  readonly #openOnce: () => Promise<DataPlane>;
  #opened: Promise<DataPlane> | undefined;
  #users = 0;

  constructor(open: () => Promise<DataPlane>) {
    this.#openOnce = open;
  }

  /** Rejects as `open` does. */
  async open(): Promise<DataPlane> {
    this.#users++;
    this.#opened ??= this.#openOnce();
    try {
      return this.#handle(await this.#opened);
    } catch (error) {
      this.#users--;
      this.#opened = undefined;
      throw error;
    }
  }

  // --- internal ---

  #handle(plane: DataPlane): DataPlane {
    let isOpen = true;
    return {
      kind: plane.kind,
      via: plane.via,
      remark: plane.remark,
      preflight: (service) => plane.preflight(service),
      read: (key) => plane.read(key),
      measure: (key) => plane.measure(key),
      readAll: () => plane.readAll(),
      apply: (key, operations) => plane.apply(key, operations),
      close: async () => {
        if (!isOpen) return;
        isOpen = false;
        if (--this.#users > 0) return;
        this.#opened = undefined;
        await plane.close();
      },
    };
  }
}
