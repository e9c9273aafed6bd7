import { dlopen } from "bun:ffi";

/** dlfcn.h */
const LOADER = { dlopen: { args: ["ptr", "i32"], returns: "ptr" } } as const;

/** Also on musl, whose loader takes every name of a part of libc for itself. */
const LOADER_SONAME = "libdl.so.2";

const RTLD_NOW = 2;

/**
 * Loads a shared library for good if this host's loader finds it; false when it does not.
 *
 * To be asked before `dlopen` of `bun:ffi` is, which looks in the working directory as well when the loader has found nothing: whoever
 * may write there would have their code run by root. Of a library that is loaded it takes the loaded one.
 */
export function loadLibrary(soname: string): boolean {
  const name = new TextEncoder().encode(`${soname}\0`);
  return dlopen(LOADER_SONAME, LOADER).symbols.dlopen(name, RTLD_NOW) !== null;
}
