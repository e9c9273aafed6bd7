import { resolve } from "node:path";
import type { Child, Namespace } from "./namespace.ts";

/** A script beside this file that runs in a namespace: it prints one line when it is ready, and one for each line on its stdin. */
export class LineProcess implements AsyncDisposable {
  readonly #child: Child;
  readonly #lines: AsyncGenerator<string>;
  #last: Promise<unknown> = Promise.resolve();

  static async start(namespace: Namespace, script: string, argv: readonly string[] = []): Promise<LineProcess> {
    const started = new LineProcess(namespace.spawn([process.execPath, resolve(import.meta.dir, script), ...argv]));
    await started.#nextLine();
    return started;
  }

  private constructor(child: Child) {
    this.#child = child;
    this.#lines = linesOf(child.stdout);
  }

  /** Answers come in the order of the questions. */
  ask(line: string): Promise<string> {
    const answer = this.#last.then(async () => {
      this.#child.stdin.write(`${line}\n`);
      await this.#child.stdin.flush();
      return this.#nextLine();
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #nextLine(): Promise<string> {
    const { value } = await this.#lines.next();
    if (typeof value === "string") return value;
    throw new Error(`the helper process has ended: ${await new Response(this.#child.stderr).text()}`);
  }
}

export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
