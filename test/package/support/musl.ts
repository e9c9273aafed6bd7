import { join } from "node:path";
import { installMissingPackages } from "../../kernel/harness/packages.ts";
import { runCommand } from "../../kernel/harness/run-command.ts";

const ARCHIVE = "/usr/lib/gcc/x86_64-linux-gnu/12/libstdc++_pic.a";

/** musl itself, and of what to make a C++ library for it. */
export const MUSL_PACKAGES = [
  { name: "musl", file: "/lib/ld-musl-x86_64.so.1" },
  { name: "libstdc++-12-pic", file: ARCHIVE },
  { name: "gcc", file: "/usr/bin/gcc" },
  { name: "libc6-dev", file: "/usr/include/unistd.h" },
];

/**
 * Makes this Debian host one that runs programs for musl, and returns the environment for them. Debian has musl but no C++ library built
 * for it, which Alpine has: what the binary asks of one is linked here from the parts of Debian's, which ask little of the C library.
 */
export async function muslEnvironment(binary: string, folder: string): Promise<Record<string, string>> {
  await installMissingPackages(MUSL_PACKAGES);
  const symbols = await cppSymbols(binary);
  await Bun.write(join(folder, "only-in-glibc.c"), ONLY_IN_GLIBC);
  await Bun.write(
    join(folder, "symbols.map"),
    `{ global: ${symbols.map((name) => `${name};`).join(" ")} local: *; };\n`,
  );
  const flags = "-shared -fPIC -nostdlib -Wl,-soname,libstdc++.so.6 -Wl,--gc-sections -Wl,--version-script=symbols.map";
  const sources = ["-o", "libstdc++.so.6", "only-in-glibc.c", ARCHIVE, "-lgcc_eh", "-lgcc"];
  await runCommand(["gcc", ...flags.split(" "), ...symbols.map((name) => `-Wl,--undefined=${name}`), ...sources], {
    cwd: folder,
    timeoutMs: 60_000,
  });
  return { LD_LIBRARY_PATH: folder };
}

// --- internal ---

async function cppSymbols(binary: string): Promise<string[]> {
  const table = await runCommand(["nm", "--dynamic", "--format=just-symbols", binary], { timeoutMs: 30_000 });
  return table
    .split("\n")
    .filter((name) =>
      /^(_ZS|_ZNS|_ZNKS|_ZTVN10__cxxabiv1|__once_proxy|__dynamic_cast|__cxa_(?!finalize|thread_atexit_impl))/.test(
        name,
      ),
    );
}

/** The random number is for seeds of hash tables; without `_dl_find_object` an older way of finding stack frames is taken. */
const ONLY_IN_GLIBC = `
#include <sys/syscall.h>
#include <unistd.h>
char __libc_single_threaded = 0;
__attribute__((visibility("hidden"))) void *__dso_handle = &__dso_handle;
unsigned arc4random(void) { unsigned value = 0; syscall(SYS_getrandom, &value, sizeof value, 0); return value; }
int _dl_find_object(void *address, void *result) { return -1; }
`;
