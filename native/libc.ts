import { FFIType, read, type dlopen, type Pointer } from "bun:ffi";
import { bindLibrary } from "./loader.ts";

/**
 * The few libc calls this project makes. Buffers are passed as typed arrays, never as bare pointers: `ptr(array)`
 * keeps nothing alive. Every array must be over an explicit `ArrayBuffer`, because small typed arrays move when their
 * buffer is touched.
 */
const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  accept: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: FFIType.i64_fast },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: FFIType.i64_fast },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  localtime_r: { args: ["ptr", "ptr"], returns: "ptr" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

/**
 * glibc's name; every process of the glibc runtime is linked with it. On musl, any name that begins with `libc.`
 * means musl itself.
 */
const SONAME = "libc.so.6";

type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

interface Library {
  readonly symbols: Libc;
  readonly errnoAt: Pointer;
}

let opened: Library | undefined;

/** Opened at first use, so that commands which need no kernel never load it. */
export function libc(): Libc {
  return open().symbols;
}

/** The errno of the libc call just made; read it before any other call. */
export function errno(): number {
  return read.i32(open().errnoAt, 0);
}

/** Closes a descriptor that nothing else owns. */
export function closeFd(fd: number): void {
  libc().close(fd);
}

// --- internal ---

function open(): Library {
  if (opened !== undefined) return opened;
  const symbols = bindLibrary(SONAME, SYMBOLS);
  const errnoAt = symbols.__errno_location();
  if (typeof errnoAt !== "number") throw new Error("libc gave no address for errno");
  const library = { symbols, errnoAt };
  opened = library;
  return library;
}
