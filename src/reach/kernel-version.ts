/** `6.1.0-56-amd64` as 6001, `5.9` as 5009: comparable. */
export function parseVersion(text: string): number {
  const [, major = "", minor = ""] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) * 1000 + Number(minor);
}
