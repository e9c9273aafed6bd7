import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { progress } from "./progress.ts";
import { runCommand } from "./run-command.ts";

/** A Debian package, by the file that shows it is there. */
export interface HostPackage {
  readonly name: string;
  readonly file: string;
}

/** What a guest and the tests in it find on the host's files. */
export const GUEST_PACKAGES: readonly HostPackage[] = [
  { name: "kmod", file: "/usr/sbin/depmod" },
  { name: "busybox-static", file: "/bin/busybox" },
  { name: "ipvsadm", file: "/usr/sbin/ipvsadm" },
  { name: "ipset", file: "/usr/sbin/ipset" },
  { name: "iptables", file: "/usr/sbin/iptables" },
  { name: "nftables", file: "/usr/sbin/nft" },
  { name: "iproute2", file: "/usr/sbin/ip" },
  { name: "curl", file: "/usr/bin/curl" },
  { name: "libnl-3-200", file: "/lib/x86_64-linux-gnu/libnl-3.so.200" },
  { name: "libnl-genl-3-200", file: "/lib/x86_64-linux-gnu/libnl-genl-3.so.200" },
];

export const UML_PACKAGES: readonly HostPackage[] = [
  ...GUEST_PACKAGES,
  { name: "user-mode-linux", file: "/usr/bin/linux.uml" },
  { name: "tcc", file: "/usr/bin/tcc" },
];

export const QEMU_PACKAGES: readonly HostPackage[] = [
  ...GUEST_PACKAGES,
  { name: "qemu-system-x86", file: "/usr/bin/qemu-system-x86_64" },
  { name: "cpio", file: "/usr/bin/cpio" },
  { name: "xz-utils", file: "/usr/bin/xz" },
];

/** Debian's Chromium without windows, which starts in half the time. Not by the script in /usr/bin: what is killed would be the script. */
export const BROWSER: HostPackage = {
  name: "chromium-headless-shell",
  file: "/usr/lib/chromium/chromium-headless-shell",
};

export async function installMissingPackages(wanted: readonly HostPackage[]): Promise<void> {
  const present = await Promise.all(wanted.map(({ file }) => Bun.file(file).exists()));
  const missing = wanted.filter((_, index) => !present[index]).map(({ name }) => name);
  if (missing.length === 0) return;
  const [are, apt] = [missing.length === 1 ? "is" : "are", Bun.which("apt-get")];
  if (apt === null) throw new Error(`${missing.join(" ")} ${are} missing, and there is no apt-get to install with`);
  if (process.getuid?.() !== 0) throw new Error(`${missing.join(" ")} ${are} missing, and installing needs root`);
  const install = async (): Promise<void> => {
    progress(`fetching and installing ${missing.join(" ")}`);
    await runCommand([...aptGet, "install", "--yes", "--no-install-recommends", ...missing], { timeoutMs: 600_000 });
  };
  const isDone = (): Promise<boolean> =>
    install().then(
      () => true,
      () => false,
    );
  // Fetching the lists takes longer than the packages: those that are here are often good enough.
  if (updated === undefined && (await hasLists()) && (await isDone())) return;
  await updatePackageLists();
  if (await isDone()) return;
  // What a mirror refuses now it often gives a moment later, by lists of that moment.
  updated = undefined;
  await updatePackageLists();
  await install();
}

/** `apt-get download` needs fresh lists too: a listed kernel leaves the mirror when its successor arrives. */
export async function updatePackageLists(): Promise<void> {
  const updating = (updated ??= (async () => {
    if (process.getuid?.() !== 0) throw new Error("installing packages for the test labs needs root");
    progress("updating the package lists");
    await runCommand([...aptGet, "update"], { timeoutMs: 300_000 });
  })());
  try {
    await updating;
  } catch (error) {
    // Whoever needs them next may have more luck.
    if (updated === updating) updated = undefined;
    throw error;
  }
}

let updated: Promise<void> | undefined;

async function hasLists(): Promise<boolean> {
  const names = await readdir("/var/lib/apt/lists").catch(() => []);
  return names.some((name) => /_Packages(?:\.\w+)?$/.test(name));
}

/** apt waits for another apt where packages are installed, but not where lists are updated, nor for lists that are just being read. */
export const aptGet = [
  "flock",
  join(tmpdir(), "lvscare-apt.lock"),
  "apt-get",
  "--quiet",
  "-o",
  "DPkg::Lock::Timeout=300",
  "-o",
  "Acquire::Retries=3",
  // Nobody reads descriptions or looks for icons here, and what is installed may be lost with the power.
  "-o",
  "Acquire::Languages=none",
  "-o",
  "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
  "-o",
  "DPkg::Options::=--force-unsafe-io",
];
