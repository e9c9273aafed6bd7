import { dirname } from "node:path";
import { shapeOf, type PageStep } from "../../support/page-steps.ts";
import { lvscareBinary } from "./lvscare.ts";
import type { Child, Namespace } from "./namespace.ts";
import { waitForEqual } from "./wait-for.ts";

/** Who does on a host what a page says, word by word, with a shell for each that the page speaks of. */
export class Reader implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #shells = new Map<string, Shell>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Throws unless each command shows what the page does, at once or soon: whoever reads takes a moment, too. */
  async follow({ shell: name, goesOn, commands }: PageStep): Promise<readonly string[]> {
    const shell = this.#shell(name);
    const outputs: string[] = [];
    for (const { text, output } of commands) {
      if (goesOn) shell.begin(text);
      else if (output === undefined) outputs.push(await shell.run(text));
      else outputs.push(await until(() => shell.run(text), output));
    }
    return outputs;
  }

  /** Ctrl-C in the shell of a daemon, and whatever else it started ends, too. */
  async end(name: string): Promise<void> {
    const shell = this.#shells.get(name);
    this.#shells.delete(name);
    await shell?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#shells.keys()) await this.end(name);
  }

  // --- internal ---

  #shell(name: string): Shell {
    const known = this.#shells.get(name);
    if (known !== undefined) return known;
    const shell = new Shell(this.#namespace);
    this.#shells.set(name, shell);
    return shell;
  }
}

// --- internal ---

const END = "\u001E";

class Shell {
  readonly #child: Child;
  readonly #output: AsyncIterator<Uint8Array>;
  #isDaemon = false;

  constructor(namespace: Namespace) {
    const path = `${dirname(lvscareBinary())}:${process.env["PATH"] ?? ""}`;
    this.#child = namespace.spawn(["bash"], { PATH: path });
    this.#output = this.#child.stdout[Symbol.asyncIterator]();
  }

  begin(text: string): void {
    this.#isDaemon = true;
    this.#child.stdin.write(`exec ${text}\n`);
    void this.#child.stdin.flush();
  }

  /** What it printed. */
  async run(text: string): Promise<string> {
    this.#child.stdin.write(`${text}\nprintf '${END}'\n`);
    await this.#child.stdin.flush();
    let output = "";
    while (!output.endsWith(END)) {
      const { value, done } = await this.#output.next();
      if (done === true) throw new Error(`the shell ended at: ${text}`);
      output += Buffer.from(value).toString();
    }
    return output.slice(0, -END.length);
  }

  async end(): Promise<void> {
    if (this.#isDaemon) this.#child.kill("SIGINT");
    else this.#child.stdin.write("kill $(jobs -p)\n");
    await this.#child.stdin.end();
    await this.#child.exited;
  }
}

async function until(run: () => Promise<string>, output: string): Promise<string> {
  let last = "";
  await waitForEqual(async () => shapeOf((last = await run())), shapeOf(output));
  return last;
}
