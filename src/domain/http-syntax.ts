/** Whether the text can be a method or the name of a header (RFC 9110, 5.6.2). */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);
}

/** Headers that say where a message ends, in lower case. They follow from the body, so users may not set them. */
export const FRAMING_HEADERS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "trailer"]);
