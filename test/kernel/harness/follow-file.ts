import { open } from "node:fs/promises";

const pollMs = 40;

export type Follower = { finish(): Promise<void> };

/** Passes on what is appended to a file, as it appears; `finish` passes on the rest. */
export function followFile(path: string, write: (chunk: Uint8Array) => void): Follower {
  const buffer = new Uint8Array(65_536);
  let position = 0;
  let reading = Promise.resolve();
  const drain = async (): Promise<void> => {
    await using file = await open(path, "r");
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      write(buffer.slice(0, bytesRead));
    }
  };
  // What could not be read once, for want of descriptors, is there the next time; the last time says so.
  const next = (): Promise<void> => (reading = reading.catch(() => undefined).then(drain));
  const timer = setInterval(() => void next().catch(() => undefined), pollMs);
  return {
    finish() {
      clearInterval(timer);
      return next();
    },
  };
}
