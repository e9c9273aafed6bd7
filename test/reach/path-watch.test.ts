import { expect, test } from "bun:test";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { KernelChangesOptions } from "../../src/reach/kernel-changes.ts";
import { PathWatch, type Path } from "../../src/reach/path-watch.ts";
import { datagram } from "../netlink/fake-kernel.ts";

const UP = 0x1;
const RUNNING = 0x40;

test("a link that stops running is told to those whose packets leave by it, once", () => {
  const { lost, watch, hear } = kernel();
  watch("10.0.1.2:80", { linkIndex: 2, hop: "10.0.1.2" }).used();
  watch("10.0.1.3:80", { linkIndex: 3, hop: "10.0.1.3" }).used();
  hear(link(2, UP | RUNNING));
  expect(lost).toEqual([]);
  hear(link(2, UP));
  hear(link(2, 0));
  expect(lost).toEqual(["10.0.1.2:80"]);
});

test("so is a link that is gone, and a neighbour that answers nothing to those who go through it", () => {
  const { lost, watch, hear } = kernel();
  watch("10.0.1.2:80", { linkIndex: 2, hop: "10.0.0.1" }).used();
  watch("10.0.1.3:80", { linkIndex: 2, hop: "10.0.1.3" }).used();
  watch("10.0.1.4:80", { linkIndex: 3, hop: "10.0.0.1" }).used();
  const FAILED = 0x20;
  hear(neighbour(2, [10, 0, 0, 1], 0x2));
  hear(neighbour(2, [10, 0, 0, 1], FAILED));
  expect(lost).toEqual(["10.0.1.2:80"]);
  hear(link(3, UP | RUNNING, RTM_DELLINK));
  expect(lost).toEqual(["10.0.1.2:80", "10.0.1.4:80"]);
});

test("a path is looked up when it was used first, when links have changed since, and after a minute", () => {
  const { advance, lookups, watch, hear } = kernel();
  const path = watch("10.0.1.2:80", { linkIndex: 2, hop: "10.0.1.2" });
  const used = (): number => {
    path.used();
    return lookups.length;
  };
  expect([used(), used()]).toEqual([1, 1]);
  hear(link(9, UP | RUNNING));
  advance(1);
  expect([used(), used()]).toEqual([2, 2]);
  advance(60_000);
  expect([used(), used()]).toEqual([3, 3]);
});

test("nobody is told before a connection was made, nor after it is no longer watched", () => {
  const { lost, watch, hear } = kernel();
  watch("10.0.1.2:80", { linkIndex: 2, hop: "10.0.1.2" });
  const path = watch("10.0.1.3:80", { linkIndex: 2, hop: "10.0.1.3" });
  path.used();
  path.close();
  hear(link(2, 0));
  expect(lost).toEqual([]);
});

// --- internal ---

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWNEIGH = 28;

function kernel() {
  let nowMs = 0;
  let listener: KernelChangesOptions | undefined;
  const lost: string[] = [];
  const lookups: string[] = [];
  const paths = new Map<string, Path>();
  const watch = new PathWatch({
    now: () => nowMs,
    findPath: (_, address) => {
      lookups.push(address);
      return paths.get(address);
    },
    listen: (options) => {
      listener = options;
      return () => undefined;
    },
  });
  listener?.opened?.();
  nowMs = 1;
  return {
    lost,
    lookups,
    advance: (ms: number) => void (nowMs += ms),
    hear: (bytes: Uint8Array) => listener?.told(bytes),
    watch: (server: string, path: Path) => {
      const endpoint = parseEndpoint(server);
      paths.set(endpoint.address, path);
      return watch.watch(endpoint, () => lost.push(server));
    },
  };
}

function link(index: number, flags: number, type = RTM_NEWLINK): Uint8Array {
  return datagram({ type, sequence: 0 }, (writer) => {
    writer.u32(0);
    writer.i32(index);
    writer.u32(flags);
    writer.u32(0);
  });
}

function neighbour(linkIndex: number, address: readonly number[], state: number): Uint8Array {
  return datagram({ type: RTM_NEWNEIGH, sequence: 0 }, (writer) => {
    writer.u32(2); // AF_INET
    writer.i32(linkIndex);
    writer.u16(state);
    writer.u16(0);
    writer.u16(4 + address.length);
    writer.u16(1); // NDA_DST
    for (const byte of address) writer.u8(byte);
  });
}
