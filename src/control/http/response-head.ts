/** The first line and the fields of a response. */
export function responseHead(
  { status, headers }: Response,
  { length, isLast }: { readonly length: number | "in chunks" | "until the end"; readonly isLast: boolean },
): Uint8Array {
  const fields = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const framing =
    length === "until the end"
      ? ""
      : length === "in chunks"
        ? "transfer-encoding: chunked\r\n"
        : `content-length: ${length}\r\n`;
  const connection = isLast ? "connection: close\r\n" : "connection: keep-alive\r\n";
  const text = `HTTP/1.1 ${status} ${REASONS.get(status) ?? ""}\r\n${fields}date: ${new Date().toUTCString()}\r\n${framing}${connection}\r\n`;
  return Buffer.from(text, "latin1");
}

// --- internal ---

/** For people; programs use the number (RFC 9110, 15). */
const REASONS: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [400, "Bad Request"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [421, "Misdirected Request"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [503, "Service Unavailable"],
  [505, "HTTP Version Not Supported"],
]);
