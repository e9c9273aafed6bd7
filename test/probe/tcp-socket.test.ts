import { describe, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { closeFd, dialTcpSocket, openTcpSocket, resetIfConnected } from "#native";
import type { Endpoint } from "../../src/domain/endpoint.ts";
import { openSockets } from "./http/support/descriptors.ts";
import { blackHole } from "./http/support/black-hole.ts";
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

describe("resetIfConnected", () => {
  test.each(["127.0.0.1", "::1"])("closes a connection to %s, which stands when the dial returns", async (hostname) => {
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    using server = Bun.listen({
      hostname,
      port: 0,
      socket: {
        data: () => undefined,
        close: (_, error) => resolve(error?.message ?? "closed"),
        error: () => undefined,
      },
    });
    const before = openSockets();
    const target = { family: hostname === "::1" ? "ipv6" : "ipv4", address: hostname, port: server.port } as const;
    expect(resetIfConnected(dialTcpSocket(target))).toBe(true);
    expect(openSockets()).toBe(before);
    expect(await ended).toContain("ECONNRESET");
  });

  test("leaves one alone that is still connecting, or refused", async () => {
    using hole = await blackHole();
    for (const target of [hole.endpoint, deserted()]) {
      const fd = openTcpSocket(target);
      expect(resetIfConnected(fd)).toBe(false);
      expect(() => readlinkSync(`/proc/self/fd/${fd}`)).not.toThrow();
      closeFd(fd);
    }
  });
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
