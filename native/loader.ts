import { dlopen, type FFIFunction } from "bun:ffi";
import { LvscareError } from "../src/domain/errors.ts";

/** dlfcn.h */
const LOADER = { dlopen: { args: ["ptr", "i32"], returns: "ptr" } } as const;

/**
 * A part of the C library that the runtime itself is linked with. On musl, the loader takes any name of a part of
 * libc for itself.
 */
const LOADER_SONAME = "libdl.so.2";

const RTLD_NOW = 2;

/**
 * Loads a shared library for good if this host's loader finds it; false when it does not. Throws JIT_MISSING. Call
 * this before `bindLibrary` for a library that this process may not have loaded.
 */
export function loadLibrary(soname: string): boolean {
  const name = new TextEncoder().encode(`${soname}\0`);
  return bindLibrary(LOADER_SONAME, LOADER).dlopen(name, RTLD_NOW) !== null;
}

/**
 * The functions of a library that this process has already loaded: for such a name the loader returns the loaded
 * library.
 *
 * Only such libraries are allowed: where the loader finds nothing, the runtime looks in the working directory, and
 * any user who may write there could have code run by root. So no other name is tried after one that failed, either.
 *
 * Throws JIT_MISSING where this process may not make code as it runs, LIBRARY_MISSING for any other reason.
 */
export function bindLibrary<Symbols extends Record<string, FFIFunction>>(
  soname: string,
  symbols: Symbols,
): ReturnType<typeof dlopen<Symbols>>["symbols"] {
  try {
    return dlopen(soname, symbols).symbols;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (/\bJIT\b/.test(reason)) throw jitMissing(cause);
    throw new LvscareError("LIBRARY_MISSING", reason, { operation: `open ${soname}`, cause });
  }
}

// --- internal ---

function jitMissing(cause: unknown): LvscareError {
  return new LvscareError(
    "JIT_MISSING",
    "this process may not make code as it runs (no just-in-time compiler), which every call to the kernel needs",
    {
      remedy:
        "start it without MemoryDenyWriteExecute=yes, without BUN_JSC_useJIT in the environment, and with 4 GB of address space (`ulimit -v`) or no limit",
      cause,
    },
  );
}
