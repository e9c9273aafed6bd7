import { closeSync } from "node:fs";
import { peek } from "bun";

export interface Adoption<Data> {
  /** Gives a descriptor that is connected or connecting; throws when it cannot. */
  readonly open: () => number;
  readonly handlers: Bun.SocketHandler<Data>;
  readonly data?: Data;
  readonly allowHalfOpen?: boolean;
  /** There is no socket, and will be none. What `open` threw is reported before this returns. */
  readonly failed: (error: unknown) => void;
}

/** Makes the runtime take over a descriptor as a socket. If it does not, the descriptor is closed. */
export function adoptDescriptor<Data>({ open, handlers, data, allowHalfOpen, failed }: Adoption<Data>): void {
  let fd: number | undefined;
  let isTaken = false;
  try {
    fd = open();
    const connecting = connect<Data>({
      fd,
      socket: handlers,
      ...(data !== undefined && { data }),
      ...(allowHalfOpen !== undefined && { allowHalfOpen }),
    });
    // With a descriptor, the runtime has decided when `connect` returns, and has called `open`. What it did not take is
    // still ours.
    isTaken = peek.status(connecting) === "fulfilled";
    if (!isTaken) connecting.catch(failed);
  } catch (error) {
    failed(error);
  }
  if (fd !== undefined && !isTaken) closeSync(fd);
}

// --- internal ---

/** Bun's types (1.4.5) describe these options, but none of the overloads of Bun.connect takes them. */
const connect = Bun.connect as unknown as <Data>(
  options: Omit<Bun.FdSocketOptions<Data>, "data"> & { readonly data?: Data },
) => Promise<unknown>;
