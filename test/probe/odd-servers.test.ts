import { afterAll, beforeAll, expect, test } from "bun:test";
import { createSecureServer, createServer } from "node:http2";
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { createServer as createTlsServer, type SecureVersion } from "node:tls";
import type { Endpoint } from "../../src/domain/endpoint.ts";
import { certificateAuthority } from "./http/support/certificates.ts";
import { answeringAndClosing, flood, rawServer, trickle, type RawServer } from "./http/support/raw-server.ts";
import { folder, installServers, startProgram } from "./support/programs.ts";
import { verdictOf, type FileProbe } from "./support/verdict.ts";

// Servers that keep to the letter of a protocol, or not even to that, and what each kind of check makes of them.

const files = folder();
afterAll(() => files[Symbol.dispose]());
beforeAll(installServers, 600_000);

const NAME = "odd.example.org";
const authority = certificateAuthority();
const CA = files.write("ca.pem", authority.cert);
const IDENTITY = authority.issue(["127.0.0.1", NAME]);

const BODY = { expect: { body: { contains: "ok" } } };
const PROBES = {
  http: { type: "http", scheme: "http", path: "/", ...BODY },
  https: { type: "http", path: "/", tls: { "ca-file": CA }, ...BODY },
  kube: { type: "kube-apiserver", "ca-file": CA },
  tcp: { type: "tcp", send: "GET / HTTP/1.0\r\n\r\n", expect: { contains: "ok" } },
  "tcp over tls": { type: "tcp", send: "GET / HTTP/1.0\r\n\r\n", expect: { contains: "ok" }, tls: { "ca-file": CA } },
  tls: { type: "tls", "ca-file": CA },
  agent: { type: "agent", send: "GET / HTTP/1.0\r\n\r\n" },
} satisfies Record<string, FileProbe>;
type Kind = keyof typeof PROBES;

const PLAIN: readonly Kind[] = ["http", "tcp", "agent"];
const SECURE: readonly Kind[] = ["https", "kube", "tcp over tls", "tls"];

/** For those of which nothing is to be expected; a busy machine needs a part of it for a handshake. */
const WAIT = "1.2s";
const LATE = `timed out after ${WAIT}`;
/** No agent says anything of HTTP. What is not understood says nothing of the server. */
const NO_AGENT = /^unknown: the agent was not heard: it said "HTTP\/1\.[01]", which means nothing$/;
const UNHEARD = "unknown: the agent was not heard";

type Opened = { readonly endpoint: Endpoint } & (Disposable | AsyncDisposable);

/** Kinds whose verdict is not named pass. */
interface Row {
  readonly name: string;
  readonly open: (isSecure: boolean) => Opened | Promise<Opened>;
  /** Those that can meet it. */
  readonly kinds: readonly Kind[];
  readonly fails?: Partial<Record<Kind, string | RegExp>>;
  /** The check is over when its time is. */
  readonly waits?: boolean;
  readonly more?: FileProbe;
}

const EVERYBODY: readonly Kind[] = [...PLAIN, ...SECURE];
const OK = "Content-Length: 2\r\n\r\nok";

const ROWS: readonly Row[] = [
  {
    name: "HTTP/1.0, which ends an answer by closing",
    open: over((tls) => answeringAndClosing("HTTP/1.0 200 OK\r\n\r\nok", tls)),
    kinds: EVERYBODY,
  },
  {
    name: "lines that end in a line feed alone",
    open: over((tls) => answeringAndClosing("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", tls)),
    kinds: EVERYBODY,
  },
  {
    name: "1xx before the answer",
    open: over((tls) =>
      answeringAndClosing(`${"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n".repeat(5)}HTTP/1.1 200 OK\r\n${OK}`, tls),
    ),
    kinds: EVERYBODY,
  },
  {
    name: "1xx without end",
    open: over((tls) => rawServer((socket) => flood(socket, "HTTP/1.1 102 Processing\r\n\r\n".repeat(100)), tls)),
    kinds: EVERYBODY,
    fails: {
      ...alike(["http", "https", "kube"], "response headers too large"),
      ...alike(["tcp", "tcp over tls"], /^expected "ok", got "HTTP\/1\.1 102 Processing/),
    },
  },
  {
    name: "chunks and trailers, byte after byte",
    open: over((tls) =>
      byteByByte(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
        tls,
      ),
    ),
    kinds: ["http", "https", "kube"],
  },
  {
    name: "an answer that is slow, and comes in time",
    open: over((tls) => byteByByte(`HTTP/1.1 200 OK\r\n${OK}`, tls)),
    kinds: EVERYBODY,
  },
  {
    name: "an answer that trickles, and never ends",
    open: over((tls) =>
      rawServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nX-");
        trickle(socket, "y");
      }, tls),
    ),
    kinds: EVERYBODY,
    fails: {
      ...alike(["http", "https", "kube"], LATE),
      ...alike(["tcp", "tcp over tls"], /^timed out after 1.2s; expected "ok", got "HTTP\/1\.1 200 OK\\r\\nX-y/),
    },
    waits: true,
  },
  {
    name: "silence",
    open: over((tls) => rawServer(() => undefined, tls)),
    kinds: EVERYBODY,
    fails: {
      ...alike(["http", "https", "kube"], LATE),
      ...alike(["tcp", "tcp over tls"], `${LATE}; expected "ok", got nothing`),
      agent: `${UNHEARD}: ${LATE}; it said nothing`,
    },
    waits: true,
  },
  {
    name: "silence instead of TLS",
    open: () => rawServer(() => undefined),
    kinds: SECURE,
    fails: alike(SECURE, LATE),
    waits: true,
  },
  {
    name: "a reset instead of an answer",
    open: over((tls) => rawServer((socket) => void socket.terminate(), tls)),
    kinds: EVERYBODY,
    fails: {
      ...alike(["http", "https", "kube"], "connection reset"),
      ...alike(["tcp", "tcp over tls"], 'connection reset; expected "ok", got nothing'),
      agent: `${UNHEARD}: connection reset; it said nothing`,
    },
  },
  {
    name: "a reset in the handshake",
    open: () => resettingAtFirstByte(),
    kinds: SECURE,
    fails: alike(SECURE, "connection reset"),
  },
  {
    name: "closes at once",
    open: over((tls) => rawServer(() => undefined, { ...tls, onOpen: (socket) => void socket.end() })),
    kinds: EVERYBODY,
    // What was sent to it may be answered by a reset.
    fails: {
      ...alike(["http", "https", "kube"], /^(closed without an answer|connection reset)/),
      ...alike(["tcp", "tcp over tls"], /^(closed|connection reset); expected "ok", got nothing$/),
      tls: "closed right after it was connected",
      agent: /^unknown: the agent was not heard: (closed|connection reset); it said nothing$/,
    },
  },
  {
    name: "closes at once, before any TLS",
    open: () => rawServer(() => undefined, { onOpen: (socket) => void socket.end() }),
    kinds: SECURE,
    fails: alike(SECURE, /^(closed during the TLS handshake|connection reset)$/),
  },
  {
    name: "plain HTTP instead of TLS",
    open: () => rawServer(() => undefined, { onOpen: (socket) => void socket.write("HTTP/1.1 400 Bad\r\n\r\n") }),
    kinds: SECURE,
    fails: {
      ...alike(SECURE, "TLS handshake failed: the server speaks no TLS"),
      https: "TLS handshake failed: the server speaks no TLS; plain HTTP? scheme: http (--health-schem http)",
    },
  },
  {
    name: "HTTP/2 alone, in plain",
    open: () => listening(createServer()),
    kinds: PLAIN,
    fails: {
      http: "the server speaks only HTTP/2",
      tcp: /^closed; expected "ok", got "/,
      agent: `${UNHEARD}: closed; its line has no end`,
    },
  },
  {
    name: "HTTP/2 alone, over TLS",
    open: () => listening(createSecureServer({ ...IDENTITY, allowHTTP1: false })),
    kinds: SECURE,
    fails: {
      ...alike(["https", "kube"], "TLS handshake failed: the server speaks no HTTP/1.1, perhaps only HTTP/2"),
      "tcp over tls": /^closed; expected "ok", got "/,
    },
  },
  { name: "a handshake that is slow, and comes in time", open: () => inSmallPieces(), kinds: SECURE },
  { name: "TLS 1.2 alone", open: () => answeringOver("TLSv1.2"), kinds: SECURE },
  { name: "TLS 1.3 alone", open: () => answeringOver("TLSv1.3"), kinds: SECURE },
  {
    name: "no handshake without a name",
    open: () => nginxByName(),
    kinds: SECURE,
    fails: alike(SECURE, /^TLS handshake failed: the server knows no such name/),
  },
  {
    name: "no handshake without a name, which is given",
    open: () => nginxByName(),
    // Without a name in its request, nginx answers as its first server.
    kinds: ["https", "kube", "tls"],
    more: { "server-name": NAME },
  },
];

test.each(ROWS.map((row) => [row.name, row] as const))("%s", async (_, row) => {
  for (const [kind, told] of await Promise.all(row.kinds.map((one) => meet(row, one)))) {
    const wanted = row.fails?.[kind] ?? (kind === "agent" ? NO_AGENT : "passed");
    expect([kind, told]).toEqual([kind, typeof wanted === "string" ? wanted : expect.stringMatching(wanted)]);
  }
});

// --- internal ---

async function meet(row: Row, kind: Kind): Promise<readonly [kind: Kind, told: string]> {
  const server = await row.open(SECURE.includes(kind));
  const probe = { ...withMore(kind, row.more ?? {}), ...(row.waits === true && { timeout: WAIT }) };
  try {
    return [
      kind,
      await verdictOf(server.endpoint, kind === "agent" ? { ...probe, port: server.endpoint.port } : probe),
    ];
  } finally {
    if (Symbol.asyncDispose in server) await server[Symbol.asyncDispose]();
    else server[Symbol.dispose]();
  }
}

function alike(kinds: readonly Kind[], verdict: string | RegExp): Partial<Record<Kind, string | RegExp>> {
  return Object.fromEntries(kinds.map((kind) => [kind, verdict]));
}

function withMore(kind: Kind, more: FileProbe): FileProbe {
  const probe: FileProbe = PROBES[kind];
  const tls = probe["tls"];
  return typeof tls === "object" ? { ...probe, tls: { ...tls, ...more } } : { ...probe, ...more };
}

type Tls = { readonly tls?: typeof IDENTITY };

/** Over TLS for those kinds that speak it. */
function over(open: (tls: Tls) => RawServer): Row["open"] {
  return (isSecure) => open(isSecure ? { tls: IDENTITY } : {});
}

function byteByByte(answer: string, tls: Tls): RawServer {
  return rawServer((socket) => {
    const bytes = [...answer];
    const timer = setInterval(() => {
      const byte = bytes.shift();
      if (byte === undefined) clearInterval(timer);
      else socket.write(byte);
    }, 1);
    socket.data.onClose = () => clearInterval(timer);
  }, tls);
}

function resettingAtFirstByte(): Opened {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.terminate(), error: () => undefined },
  });
  return { endpoint: at(listener.port), [Symbol.dispose]: () => void listener.stop(true) };
}

async function listening(server: Pick<Server, "listen" | "address" | "close">): Promise<Opened> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { endpoint: at(port), [Symbol.dispose]: () => void server.close() };
}

function answeringOver(version: SecureVersion): Promise<Opened> {
  return listening(
    createTlsServer({ ...IDENTITY, minVersion: version, maxVersion: version }, (socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    }),
  );
}

/** Between it and a server that speaks TLS, all that the server says trickles. */
async function inSmallPieces(): Promise<Opened> {
  const server = await answeringOver("TLSv1.3");
  const way = createTcpServer((client) => {
    const onward = connect(server.endpoint.port, server.endpoint.address);
    const waiting: Buffer[] = [];
    const timer = setInterval(() => {
      const [next] = waiting;
      if (next === undefined) {
        if (onward.readableEnded) client.end();
        return;
      }
      client.write(next.subarray(0, PIECE));
      if (next.length > PIECE) waiting[0] = next.subarray(PIECE);
      else waiting.shift();
    }, 1);
    onward.on("data", (bytes) => void waiting.push(typeof bytes === "string" ? Buffer.from(bytes) : bytes));
    client.on("data", (bytes) => void onward.write(bytes));
    for (const one of [client, onward]) one.on("error", () => undefined);
    client.on("close", () => {
      clearInterval(timer);
      onward.destroy();
    });
  });
  const { endpoint } = await listening(way);
  return {
    endpoint,
    [Symbol.asyncDispose]: async () => {
      way.close();
      if (Symbol.asyncDispose in server) await server[Symbol.asyncDispose]();
      else server[Symbol.dispose]();
    },
  };
}

/** Of a flight of two thousand. */
const PIECE = 40;

/** `ssl_reject_handshake` for whoever gives no name, or another. */
function nginxByName(): Promise<Opened> {
  files.write("server.pem", IDENTITY.cert);
  files.write("server.key", IDENTITY.key);
  return startProgram((port) => {
    const name = `nginx-${port}`;
    const path = files.write(
      `${name}.conf`,
      `daemon off; master_process off; pid ${files.path}/${name}.pid; error_log stderr; events {}
       http { access_log off; client_body_temp_path ${files.path}/b; proxy_temp_path ${files.path}/p;
              fastcgi_temp_path ${files.path}/f; uwsgi_temp_path ${files.path}/u; scgi_temp_path ${files.path}/s;
              server { listen 127.0.0.1:${port} ssl default_server; ssl_reject_handshake on; }
              server { listen 127.0.0.1:${port} ssl; server_name ${NAME} 127.0.0.1; ssl_certificate server.pem; ssl_certificate_key server.key; return 200 "ok"; } }`,
    );
    return ["/usr/sbin/nginx", "-c", path, "-e", "stderr"];
  });
}

function at(port: number): Endpoint {
  return { family: "ipv4", address: "127.0.0.1", port };
}
