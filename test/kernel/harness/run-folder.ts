import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One run's files on the host; those under `share` are the guest's /run/guest. */
export class RunFolder implements AsyncDisposable {
  readonly path: string;
  readonly share: string;
  readonly stdout: string;
  readonly stderr: string;

  static async create(): Promise<RunFolder> {
    const run = new RunFolder(await mkdtemp(join(tmpdir(), "lvscare-vm-")));
    await mkdir(run.share);
    await Promise.all([Bun.write(run.stdout, ""), Bun.write(run.stderr, "")]);
    return run;
  }

  private constructor(path: string) {
    this.path = path;
    this.share = join(path, "share");
    this.stdout = join(this.share, "stdout");
    this.stderr = join(this.share, "stderr");
  }

  /** Whether the guest came as far as its command. */
  get started(): Promise<boolean> {
    return Bun.file(join(this.share, "started")).exists();
  }

  async exitCode(): Promise<number | undefined> {
    const text = await readText(join(this.share, "exit-code"));
    return text.trim() === "" ? undefined : Number(text);
  }

  /** Without what the firmware prints on the same serial port. User-mode Linux prints it as its own output. */
  async kernelLog(): Promise<string> {
    const text = (await readText(join(this.path, "kernel.log"))) || (await this.machineLog());
    return text.slice(Math.max(0, text.indexOf("[    0.0")));
  }

  /** Zero too while there is no such file. */
  async kernelLogSize(): Promise<number> {
    const files = ["kernel.log", "machine.log"].map((name) => Bun.file(join(this.path, name)));
    const sizes = await Promise.all(files.map(async (file) => ((await file.exists()) ? file.size : 0)));
    return sizes.reduce((total, size) => total + size, 0);
  }

  /** What the program that is the machine printed. */
  machineLog(): Promise<string> {
    return readText(join(this.path, "machine.log"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

async function readText(path: string): Promise<string> {
  const file = Bun.file(path);
  return (await file.exists()) ? file.text() : "";
}
