import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cachedFolder, cacheFolder } from "./cache-folder.ts";
import { progress } from "./progress.ts";
import { runCommand } from "./run-command.ts";

/** What a guest has of this machine for itself. */
export interface MachineFolders {
  readonly share: string;
  readonly kernelLog: string;
  readonly writableFolders: readonly string[];
}

/** Arguments of QEMU with these folders; `wake` is the fourth serial port. */
type ArgumentsFor = (folders: MachineFolders, wake: readonly string[]) => string[];

/**
 * The arguments of a machine that goes on where its guest is about to mount this machine's files, as it was saved the first time: to boot takes
 * 10 s of a processor where it is emulated, this takes one and a half. At that place guest-init.sh says a line on the fourth serial port and
 * waits for one.
 *
 * It is saved once for each boot of this machine: a guest knows how fast the processor counts, which may be another one later.
 */
export async function restoredMachine(
  version: string,
  own: MachineFolders,
  argumentsFor: ArgumentsFor,
): Promise<string[]> {
  const noFolders = own.writableFolders.map(() => "");
  const argv = argumentsFor({ share: "", kernelLog: "", writableFolders: noFolders }, []);
  const emulator = await runCommand([argv[0] ?? "", "--version"], { timeoutMs: 60_000 });
  const key = Bun.hash([...argv, emulator].join(" ")).toString(36);
  const boot = (await Bun.file("/proc/sys/kernel/random/boot_id").text()).slice(0, 8);
  const folder = await cachedFolder(`${PREFIX}${boot}-${version}-${key}`, async (into) => {
    await removeOthersThan(boot);
    progress("booting a guest, which later ones begin as");
    // Of some hundred emulated boots, one loses a timer and waits for ever.
    await save(into, noFolders, argumentsFor).catch(() => save(into, noFolders, argumentsFor));
  });
  return [...argumentsFor(own, serialPort(folder)), "-incoming", `exec:cat ${join(folder, STATE)}`];
}

// --- internal ---

const PREFIX = "machine-";
const STATE = "state";

/** Of files that the fourth serial port reads and writes. */
const PORT = "port";

/** More than the port takes in before the state is there, which is lost. */
const LINES = "\n".repeat(512);

const BOOT_MS = 240_000;
const POLL_MS = 50;

async function save(into: string, noFolders: readonly string[], argumentsFor: ArgumentsFor): Promise<void> {
  const share = join(into, "share");
  const [heard, said] = [join(into, `${PORT}.in`), join(into, `${PORT}.out`)];
  await Promise.all([mkdir(share, { recursive: true }), Bun.write(heard, ""), Bun.write(said, "")]);
  const folders = { share, kernelLog: join(into, "kernel.log"), writableFolders: noFolders.map(() => share) };
  const log = Bun.file(join(into, "machine.log"));
  await using machine = Bun.spawn(
    ["setpriv", "--pdeathsig", "KILL", ...argumentsFor(folders, serialPort(into)), "-monitor", "stdio"],
    { stdin: "pipe", stdout: log, stderr: log, timeout: BOOT_MS, killSignal: "SIGKILL" },
  );
  while (!(await Bun.file(said).text()).includes("\n")) {
    if (machine.exitCode !== null || machine.signalCode !== null)
      throw new Error(`the test guest did not boot: ${await log.text()}`);
    await Bun.sleep(POLL_MS);
  }
  machine.stdin.write(`migrate_set_parameter max-bandwidth 100G\nmigrate "exec:cat > ${join(into, STATE)}"\nquit\n`);
  await machine.stdin.flush();
  if ((await machine.exited) !== 0) throw new Error(`the test guest was not saved: ${await log.text()}`);
  await Promise.all([Bun.write(heard, LINES), rm(share, { recursive: true })]);
}

/** A pair of files: where these are no pipes, nobody has to hold the other ends. */
function serialPort(folder: string): string[] {
  return ["-chardev", `pipe,id=wake,path=${join(folder, PORT)}`, "-device", "isa-serial,chardev=wake,index=3"];
}

/** What was saved before this machine was started. */
async function removeOthersThan(boot: string): Promise<void> {
  const names = await readdir(cacheFolder);
  const old = names.filter((name) => name.startsWith(PREFIX) && !name.startsWith(`${PREFIX}${boot}-`));
  await Promise.all(old.map((name) => rm(join(cacheFolder, name), { recursive: true, force: true })));
}
