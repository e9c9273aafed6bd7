/** `52:54:00:12:34:56` */
export function formatHardware(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
