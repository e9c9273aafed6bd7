/**
 * What happened to a server that stopped, told as if no check had been under way at that moment: then connecting is refused. One that was
 * under way ends as the kernel ends its connection.
 */
export function asRefused(message: string): string {
  return message.replace(/: (connection reset|closed without an answer)/, ": connect refused");
}
