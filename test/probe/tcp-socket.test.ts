import { describe, expect, test } from "bun:test";
import { closeFd, dialTcpSocket, openTcpSocket } from "#native";
import type { Endpoint } from "../../src/domain/endpoint.ts";
import { openSockets } from "./http/support/descriptors.ts";
import { answering, deserted } from "./http/support/raw-server.ts";

describe("openTcpSocket", () => {
  test.each(["127.0.0.1", "::1"])("connects to %s in the background", async (hostname) => {
    using server = answering("", { hostname });
    expect(await eventsOf(server.endpoint)).toEqual(["open", "drain", "close"]);
  });

  test("leaves the kernel's own errno to whoever takes the descriptor", async () => {
    expect(await eventsOf(deserted())).toEqual(["open", "close ECONNREFUSED"]);
  });

  test("throws with the errno and leaves nothing open when the kernel refuses at once", () => {
    const before = openSockets();
    // A TCP connection to the broadcast address cannot even begin.
    const target: Endpoint = { family: "ipv4", address: "255.255.255.255", port: 80 };
    expect(() => openTcpSocket(target)).toThrow(
      expect.objectContaining({
        code: "SOCKET_FAILED",
        errno: "ENETUNREACH",
        operation: "connect to 255.255.255.255:80",
      }),
    );
    expect(openSockets()).toBe(before);
  });
});

test.each(Object.entries({ openTcpSocket, dialTcpSocket }))("%s gives a descriptor that can be closed", (_, open) => {
  using server = answering("");
  const before = openSockets();
  const fd = open(server.endpoint);
  expect(openSockets()).toBe(before + 1);
  closeFd(fd);
  expect(openSockets()).toBe(before);
});

describe("dialTcpSocket", () => {
  test("throws when a server on this host has refused by then, and leaves nothing open", () => {
    const before = openSockets();
    for (const address of ["127.0.0.1", "127.9.9.9"]) {
      const target = { ...deserted(), address };
      expect(() => dialTcpSocket(target)).toThrow(
        expect.objectContaining({ code: "SOCKET_FAILED", errno: "ECONNREFUSED" }),
      );
    }
    expect(openSockets()).toBe(before);
  });
});

function eventsOf(endpoint: Endpoint): Promise<string[]> {
  const events: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const options: Bun.FdSocketOptions = {
    fd: openTcpSocket(endpoint),
    socket: {
      open: () => void events.push("open"),
      drain: (socket) => {
        events.push("drain");
        socket.terminate();
      },
      close: (_, error) => {
        events.push(error === undefined ? "close" : `close ${(error as NodeJS.ErrnoException).code}`);
        resolve(events);
      },
    },
  };
  void Bun.connect(options as unknown as Bun.TCPSocketConnectOptions);
  return promise;
}
