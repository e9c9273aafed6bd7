import { type GuestOptions, type GuestResult, runInGuest } from "./guest.ts";
import { arm64 } from "./arm64.ts";
import { runOnHost } from "./host-kernel.ts";
import { type HostPackage, QEMU_PACKAGES, UML_PACKAGES } from "./packages.ts";
import { qemu } from "./qemu.ts";
import { uml } from "./uml.ts";

/** What a lab has, and a test may need. */
export interface Offers {
  /** Tables of the families ip, ip6 and inet. */
  readonly nftables: boolean;
  /** At once: fewer than two hide races. */
  readonly processors: number;
  /** Kernel modules of its own, which a test may hide. */
  readonly ownModules: boolean;
}

export interface Needs {
  readonly nftables?: boolean;
  readonly processors?: number;
}

export interface Lab {
  /** A line for people. */
  readonly about: string;
  readonly offers: Offers;
  /** For what its guest is made of, or what it is made in. */
  readonly needsRoot?: true;
  /** Of what kind its processors are, where they are not this machine's. */
  readonly architecture?: "arm64";
  /** Of this machine, which installs them at first use. */
  readonly packages?: readonly HostPackage[];
  /** For the process that runs the tests, and not for what they start. */
  readonly testEnvironment?: Readonly<Record<string, string>>;
  run(options: GuestOptions): Promise<GuestResult>;
}

/** Tests run most of their functions a few times: on emulated processors, to compile those is half of a file's start. */
const SELDOM_COMPILED = { BUN_JSC_useBaselineJIT: "0" };

/** The kernels that tests and benches run on, the fastest first. */
export const LABS: ReadonlyMap<string, Lab> = new Map(
  Object.entries<Lab>({
    uml: {
      about: "user-mode Linux 6.1: user code at its own speed, slow system calls, one processor, no nftables",
      offers: { nftables: false, processors: 1, ownModules: true },
      needsRoot: true,
      packages: UML_PACKAGES,
      run: (options: GuestOptions) => runInGuest(uml, options),
    },
    qemu: {
      about: "Debian's Linux 6.1 in QEMU: all of the kernel, emulated processors",
      offers: { nftables: true, processors: 4, ownModules: true },
      packages: QEMU_PACKAGES,
      testEnvironment: SELDOM_COMPILED,
      run: (options: GuestOptions) => runInGuest(qemu("linux-image-amd64"), options),
    },
    "qemu-6.12": {
      about: "Debian's Linux 6.12 in QEMU",
      offers: { nftables: true, processors: 4, ownModules: true },
      packages: QEMU_PACKAGES,
      testEnvironment: SELDOM_COMPILED,
      run: (options: GuestOptions) => runInGuest(qemu("linux-image-6.12-amd64"), options),
    },
    "qemu-arm64": {
      about: "Debian's Linux 6.1 for arm64 in QEMU, with the released arm64 binary",
      offers: { nftables: true, processors: 4, ownModules: true },
      architecture: "arm64",
      run: (options: GuestOptions) => runInGuest(arm64, options),
    },
    host: {
      about: "this machine's own kernel, as root, in a network namespace",
      offers: { nftables: true, processors: 4, ownModules: false },
      needsRoot: true,
      run: runOnHost,
    },
  }),
);

/** Runs a command in this lab as root; it finds the lab's name in `LVSCARE_LAB`. */
export async function runInLab(name: string, options: GuestOptions): Promise<GuestResult> {
  const lab = labNamed(name);
  // Halfway it would be a program's refusal that says so, in words of its own.
  if (lab.needsRoot === true && process.getuid?.() !== 0) throw new Error(`the lab ${name} needs root`);
  return lab.run({ ...options, env: { ...options.env, LVSCARE_LAB: name } });
}

/** The fastest lab of those with a kernel of their own that has all of it. */
export function fastestLab(needs: Needs): string {
  for (const name of LABS.keys()) if (unmet(needs, name).length === 0) return name;
  throw new Error(`no lab has all of ${JSON.stringify(needs)}`);
}

/** What of the needs this lab lacks, in words. */
export function unmet({ nftables = false, processors = 1 }: Needs, lab: string): string[] {
  const { offers } = labNamed(lab);
  return [
    ...(nftables && !offers.nftables ? ["nftables"] : []),
    ...(processors > offers.processors ? [`${processors} processors`] : []),
  ];
}

export function labNamed(name: string): Lab {
  const lab = LABS.get(name);
  if (lab === undefined) throw new Error(`there is no lab "${name}": it is one of ${[...LABS.keys()].join(", ")}`);
  return lab;
}

/** Of the lab that this test runs in. */
export function currentOffers(): Offers {
  return labNamed(process.env["LVSCARE_LAB"] ?? "host").offers;
}
