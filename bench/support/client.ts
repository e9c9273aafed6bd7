import { linesOf } from "../../test/kernel/support/line-process.ts";

/** Clients of the virtual server in a process of their own, so that nothing here makes them late. */
export class Client {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  constructor(vs: string, perSecond: number) {
    this.#child = Bun.spawn([process.execPath, `${import.meta.dir}/client-process.ts`, vs, String(perSecond)], {
      stdin: "pipe",
      stdout: "pipe",
    });
    this.#lines = linesOf(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** From now on it counts. */
  async begin(): Promise<void> {
    await this.#say("begin");
  }

  /** How many of the requests since `begin` came to nothing; those under way are waited for. */
  async finish(): Promise<number> {
    return Number(await this.#say("finish"));
  }

  kill(): void {
    this.#child.kill();
  }

  async #say(command: string): Promise<string> {
    this.#child.stdin.write(`${command}\n`);
    await this.#child.stdin.flush();
    const { value } = await this.#lines.next();
    return String(value);
  }
}
