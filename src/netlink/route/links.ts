import { attributeTable, text, writeAttributes } from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { ByteReader } from "../reader.ts";

/** Asks for one link by its name; ENODEV when there is none. */
export function getLink(name: string): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    body(writer) {
      writer.zeros(IFINFOMSG_BYTES);
      writeAttributes(writer, LINK, { name });
    },
  };
}

/** The index in the reply to `getLink`. Throws MALFORMED_MESSAGE. */
export function decodeLinkIndex(payload: Uint8Array): number {
  const reader = new ByteReader(payload);
  reader.u32(); // ifi_family, padding, ifi_type
  const index = reader.i32();
  reader.finish("link");
  return index;
}

// --- internal ---

/** linux/rtnetlink.h */
const RTM_GETLINK = 18;
const IFINFOMSG_BYTES = 16;

/** IFLA_* of linux/if_link.h */
const LINK = attributeTable({ name: [3, text] });
