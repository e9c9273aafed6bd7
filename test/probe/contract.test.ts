import { expect } from "bun:test";
import { dialTcpSocket, resetIfConnected } from "#native";
import type { ProbeOptions } from "../../src/config/care-options.ts";
import type { TcpProbeOptions } from "../../src/config/probe-kinds/tcp.ts";
import type { Endpoint } from "../../src/domain/endpoint.ts";
import { CombinedChecks } from "../../src/probe/combination/combined-checks.ts";
import type { SocketPorts } from "../../src/probe/http/http-prober.ts";
import type { Probe } from "../../src/probe/prober.ts";
import type { Check, CheckSchedule } from "../../src/probe/schedule/check-schedule.ts";
import { openKind, testContract } from "./contract.ts";
import { selfSigned } from "./http/support/certificates.ts";
import { OPTIONS } from "./http/support/probe.ts";
import { answering } from "./http/support/raw-server.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const certificate = selfSigned(["127.0.0.1"]);
const times = { timeoutMs: OPTIONS.timeoutMs, connectTimeoutMs: OPTIONS.connectTimeoutMs };
const tcp: TcpProbeOptions = { type: "tcp", sendHex: "", expect: undefined, tls: undefined, ...times };
const expectation = { match: "contains", hex: Buffer.from("hello").toString("hex"), withinBytes: 65_536 } as const;

testContract({ name: "http", options: OPTIONS, serve: () => answering(OK) });
testContract({
  name: "https",
  options: { ...OPTIONS, scheme: "https" },
  serve: () => answering(OK, { tls: certificate }),
});
testContract({
  name: "kube-apiserver",
  options: {
    ...OPTIONS,
    type: "kube-apiserver",
    scheme: "https",
    path: "/readyz",
    kubeconfig: undefined,
    unauthorized: "alive",
  },
  serve: () => answering(OK, { tls: certificate }),
});
testContract({ name: "tcp", options: tcp, serve: () => answering(""), onlyConnects: true });
testContract({
  name: "tcp as the daemon dials",
  options: tcp,
  serve: () => answering(""),
  onlyConnects: true,
  open: (options, target, ports) =>
    openKind(options, target, { openTcpSocket: dialTcpSocket, resetIfConnected, ...ports }),
});
testContract({
  name: "tcp that expects",
  options: { ...tcp, expect: expectation },
  serve: () => answering("", { onOpen: (socket) => void socket.write("220 hello\r\n") }),
});
testContract({
  name: "tcp that expects a pattern",
  options: { ...tcp, expect: { match: "regex", source: "^220 .*\r\n", withinBytes: 65_536 } },
  serve: () => answering("", { onOpen: (socket) => void socket.write("220 hello\r\n") }),
});
testContract({
  name: "tls",
  options: { type: "tls", tls: OPTIONS.tls, ...times },
  serve: () => answering("", { tls: certificate }),
});
testContract({
  name: "tcp over tls",
  options: { ...tcp, tls: OPTIONS.tls, expect: expectation },
  serve: () => answering("", { tls: certificate, onOpen: (socket) => void socket.write("hello") }),
});
testContract({
  name: "agent",
  // What it said before counts for no time: then its server has to take connections.
  options: { type: "agent", sendHex: "", staleAfterMs: 0, ...times },
  serve: () => answering("", { onOpen: (socket) => void socket.write("up ready 50%\r\n") }),
  otherwise: { passed: true, expired: expect.any(String) },
});
testContract({
  name: "several that decide together",
  options: { ...tcp, expect: expectation },
  serve: () => answering("", { onOpen: (socket) => void socket.write("hello") }),
  open: (options, target, ports) => together([options, options], target, ports),
});

// --- internal ---

/** Each check of it begins all of them anew, and ends with the first verdict. */
function together(all: readonly ProbeOptions[], target: Endpoint, ports: Partial<SocketPorts> = {}): Probe {
  const pace = { fall: 1, rise: 1, intervalMs: 1, fastIntervalMs: 1, downIntervalMs: 1 };
  const members = all.map((options, at) => ({ name: `check ${at}`, pace, schedule: once(options, ports) }));
  let underWay: Check | undefined;
  return {
    check: (tell) => {
      const begun = new CombinedChecks(members, all.length).add(target, 1, (outcome) => {
        begun.stop();
        tell(outcome);
      });
      underWay = begun;
    },
    close: () => underWay?.stop(),
  };
}

function once(options: ProbeOptions, ports: Partial<SocketPorts>): CheckSchedule {
  return {
    add: (target, _, report) => {
      const probe = openKind(options, target, ports);
      let isStopped = false;
      setImmediate(() => {
        if (!isStopped) probe.check((outcome) => report(outcome, performance.now()));
      });
      const stop = (): void => {
        isStopped = true;
        probe.close();
      };
      return { setInterval: () => undefined, probeNow: () => undefined, stop };
    },
  };
}
