import { attributeTable, readAttributes, text, u16, writeAttributes } from "./attributes.ts";
import type { NetlinkConnection, NetlinkRequest } from "./connection.ts";
import type { KernelRefusal } from "./messages.ts";
import { ByteReader, malformed } from "./reader.ts";
import type { ByteWriter } from "./writer.ts";

/** A message of a generic netlink family: `struct genlmsghdr` (linux/genetlink.h) and what follows it. */
export function genericRequest(
  family: number,
  header: { readonly command: number; readonly version: number },
  body: (writer: ByteWriter) => void,
): NetlinkRequest {
  return {
    type: family,
    body(writer) {
      writer.u32(header.command | (header.version << 8));
      body(writer);
    },
  };
}

/** A reader that stands after the `struct genlmsghdr` of a payload. */
export function genericReader(payload: Uint8Array): ByteReader {
  const reader = new ByteReader(payload);
  reader.u32();
  return reader;
}

/**
 * The kernel's present number for a generic family. Asking makes the kernel load the family's module, for any user. A
 * number is valid only until that module is unloaded, and absence only until it is loaded.
 */
export function resolveFamily(connection: NetlinkConnection, name: string): number | KernelRefusal {
  const request = genericRequest(GENL_ID_CTRL, { command: CTRL_CMD_GETFAMILY, version: 1 }, (writer) =>
    writeAttributes(writer, CONTROL, { familyName: name }),
  );
  const { replies, refusal } = connection.request(request, decodeFamilyId);
  if (refusal !== undefined) return refusal;
  const [id] = replies;
  if (id === undefined) throw malformed("family");
  return id;
}

// --- internal ---

/** linux/genetlink.h */
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CONTROL = attributeTable({ familyId: [1, u16], familyName: [2, text] });

function decodeFamilyId(payload: Uint8Array): number {
  const reader = genericReader(payload);
  const { familyId } = readAttributes(reader, CONTROL);
  reader.finish("family");
  if (familyId === undefined) throw malformed("family");
  return familyId;
}
