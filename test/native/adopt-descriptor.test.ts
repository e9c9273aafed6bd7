import { expect, test } from "bun:test";
import { closeSync, fstatSync, openSync } from "node:fs";
import { adoptDescriptor } from "../../native/adopt-descriptor.ts";
import { openTcpSocket } from "../../native/tcp-socket.ts";

test("a descriptor that is connecting becomes a socket, with its data and its handlers", async () => {
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (peer) => void peer.end("hello"), data() {} },
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  const told: string[] = [];
  adoptDescriptor<string>({
    open: () => openTcpSocket({ family: "ipv4", address: "127.0.0.1", port: server.port }),
    data: "mine",
    handlers: {
      open: ({ data }) => void told.push(`opened ${data}`),
      data: (_, bytes) => void told.push(bytes.toString()),
      close: ({ data }) => resolve(data),
    },
    failed: (error) => void told.push(String(error)),
  });
  // Before it returns: until then nobody could close it.
  expect(told).toEqual(["opened mine"]);
  expect(await promise).toBe("mine");
  expect(told).toEqual(["opened mine", "hello"]);
});

test("where no descriptor is to be had, the reason is told at once", () => {
  const reason = new Error("out of descriptors");
  const told: unknown[] = [];
  adoptDescriptor<undefined>({
    open: () => {
      throw reason;
    },
    handlers: { data() {} },
    failed: (error) => void told.push(error),
  });
  expect(told).toEqual([reason]);
});

test("a descriptor that the runtime does not take is closed", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let fd = -1;
  adoptDescriptor<undefined>({
    // No socket.
    open: () => (fd = openSync("/dev/null", "r")),
    handlers: { data() {} },
    failed: resolve,
  });
  const isClosed = isFree(fd);
  if (!isClosed) closeSync(fd);
  expect(isClosed).toBe(true);
  expect(await promise).toBeInstanceOf(Error);
});

// --- internal ---

function isFree(fd: number): boolean {
  try {
    fstatSync(fd);
    return false;
  } catch {
    return true;
  }
}
