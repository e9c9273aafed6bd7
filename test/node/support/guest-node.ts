import { resolve } from "node:path";
import type { Plug } from "../../kernel/harness/guest.ts";
import { runInLab } from "../../kernel/harness/labs.ts";

/** A node in a kernel of its own, on a switch with others. Its command runs until disposal. */
export class GuestNode implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #ended: Promise<unknown>;
  #output = "";
  #failure: Error | undefined;

  /** `writableFolders`: of this machine, in which what it writes outlives it. */
  constructor(lab: string, plug: Plug, command: readonly string[], writableFolders: readonly string[] = []) {
    const keep = (chunk: Uint8Array): void => void (this.#output += new TextDecoder().decode(chunk));
    this.#ended = runInLab(lab, {
      command,
      cwd: resolve(import.meta.dir, "../../.."),
      plug,
      writableFolders,
      signal: this.#controller.signal,
      timeoutMs: 20 * 60_000,
      memoryMb: 1024,
      stdout: keep,
      stderr: keep,
    }).then(
      ({ exitCode }) => this.#fail(`its command ended with exit code ${exitCode}`),
      (error: unknown) => this.#fail(String(error)),
    );
  }

  /** Throws when it has ended, with the reason and what its command printed. */
  mustRun(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new Error("the test is over"));
    await this.#ended;
  }

  #fail(reason: string): void {
    if (!this.#controller.signal.aborted) this.#failure = new Error(`the node is gone: ${reason}\n${this.#output}`);
  }
}
