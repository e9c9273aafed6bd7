/** `[fd00::1]:80` for Bun's sockets. */
export function addressAndPort(text: string): { readonly hostname: string; readonly port: number } {
  const at = text.lastIndexOf(":");
  return { hostname: text.slice(0, at).replace(/^\[(.*)\]$/, "$1"), port: Number(text.slice(at + 1)) };
}
