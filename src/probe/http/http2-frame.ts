/**
 * Whether a text, with one character for each byte, begins as a server's first frame of HTTP/2 does: SETTINGS or GOAWAY on stream 0, of no
 * more than 16 KiB (RFC 9113, 3.4, 4.1 and 4.2). Undefined while too little of it has come to tell.
 */
export function beginsHttp2(text: string): boolean | undefined {
  for (let at = 0; at < HEADER.length && at < text.length; at++) {
    if (HEADER[at]?.(text.charCodeAt(at)) !== true) return false;
  }
  return text.length < HEADER.length ? undefined : true;
}

// --- internal ---

const SETTINGS = 4;
const GOAWAY = 7;

const any = (): boolean => true;
const none = (byte: number): boolean => byte === 0;

/** What each byte of the frame's header may be: length, type, flags, stream. */
const HEADER: readonly ((byte: number) => boolean)[] = [
  none,
  (byte) => byte <= 0x40,
  any,
  (byte) => byte === SETTINGS || byte === GOAWAY,
  any,
  none,
  none,
  none,
  none,
];
