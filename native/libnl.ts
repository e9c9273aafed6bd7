import type { dlopen } from "bun:ffi";
import { LvscareError } from "../src/domain/errors.ts";
import { bindLibrary, loadLibrary } from "./loader.ts";
import { PROTOCOL_NUMBER, type NetlinkDescriptor, type NetlinkProtocol } from "./netlink-descriptor.ts";

/** netlink/socket.h, netlink/netlink.h */
const LIBNL = {
  nl_socket_alloc: { args: [], returns: "ptr" },
  nl_connect: { args: ["ptr", "i32"], returns: "i32" },
  nl_socket_get_fd: { args: ["ptr"], returns: "i32" },
  nl_socket_free: { args: ["ptr"], returns: "void" },
  nl_geterror: { args: ["i32"], returns: "cstring" },
} as const;

/** netlink/genl/genl.h */
const LIBNL_GENL = { genl_connect: { args: ["ptr"], returns: "i32" } } as const;

const SONAME = "libnl-3.so.200";
const GENL_SONAME = "libnl-genl-3.so.200";

type Libnl = ReturnType<typeof dlopen<typeof LIBNL>>["symbols"] &
  ReturnType<typeof dlopen<typeof LIBNL_GENL>>["symbols"];

let opened: Libnl | undefined;

/**
 * A connected socket that libnl owns. Only its descriptor is used for messages, because libnl folds several errnos
 * into one code.
 *
 * Throws LIBRARY_MISSING when the host has no libnl, SOCKET_FAILED when libnl cannot connect.
 */
export function openThroughLibnl(protocol: NetlinkProtocol): NetlinkDescriptor {
  const libnl = open();
  const socket = libnl.nl_socket_alloc();
  if (socket === null) throw new LvscareError("SOCKET_FAILED", "libnl has no memory for a socket");
  const result =
    protocol === "generic" ? libnl.genl_connect(socket) : libnl.nl_connect(socket, PROTOCOL_NUMBER[protocol]);
  if (result < 0) {
    const reason = String(libnl.nl_geterror(result));
    libnl.nl_socket_free(socket);
    throw new LvscareError("SOCKET_FAILED", `libnl could not connect: ${reason}`);
  }
  return { fd: libnl.nl_socket_get_fd(socket), via: "libnl", close: () => libnl.nl_socket_free(socket) };
}

// --- internal ---

/** A failure is not remembered: the library may be installed while we run. */
function open(): Libnl {
  if (opened !== undefined) return opened;
  const missing = [SONAME, GENL_SONAME].find((soname) => !loadLibrary(soname));
  if (missing !== undefined) {
    throw new LvscareError("LIBRARY_MISSING", `${missing} cannot be opened`, {
      remedy:
        "install libnl-3-200 and libnl-genl-3-200 (Debian) or libnl3 (Fedora, Alpine); without them a plain netlink socket serves",
    });
  }
  opened = { ...bindLibrary(SONAME, LIBNL), ...bindLibrary(GENL_SONAME, LIBNL_GENL) };
  return opened;
}
