import type { TcpProbeOptions } from "../../src/config/probe-kinds/tcp.ts";
import { testContract } from "./contract.ts";
import { selfSigned } from "./http/support/certificates.ts";
import { OPTIONS } from "./http/support/probe.ts";
import { answering } from "./http/support/raw-server.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const certificate = selfSigned(["127.0.0.1"]);
const times = { timeoutMs: 5000, connectTimeoutMs: 3000 };
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
