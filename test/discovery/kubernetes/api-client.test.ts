import { afterAll, describe, expect, test } from "bun:test";
import { acknowledgementOf, dialTcpSocket, watchSilence } from "#native";
import { ApiClient, type ApiIdentity } from "../../../src/discovery/kubernetes/api-client.ts";
import { ServiceAccount } from "../../../src/discovery/kubernetes/service-account.ts";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import { formatEndpoint } from "../../../src/domain/endpoint.ts";
import { certificateAuthority } from "../../probe/http/support/certificates.ts";
import { deserted, rawServer, type RawServer, type RawSocket } from "../../probe/http/support/raw-server.ts";
import { folder } from "../../probe/support/programs.ts";

const authority = certificateAuthority();
const tls = authority.issue(["kubernetes.default.svc"]);
const files = folder();
afterAll(() => files[Symbol.dispose]());

const TOKEN: ApiIdentity = {
  material: () => ({ ca: authority.cert }),
  read: () => [["Authorization", "Bearer abc"]],
};

function answering(text: string): RawServer {
  return rawServer((socket) => void socket.write(text), { tls });
}

function client(servers: readonly Endpoint[], identity = TOKEN): ApiClient {
  const sockets = { openTcpSocket: dialTcpSocket, watchSilence, acknowledgementOf };
  return new ApiClient({ ...sockets, identity, servers: () => Promise.resolve(servers) });
}

const GOOD = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

describe("a question to API servers", () => {
  test("goes to the first that answers, with the credentials, by a name that every API server has", async () => {
    using good = answering(GOOD);
    using silent = rawServer((socket) => void socket.end(), { tls });
    using stranger = rawServer((socket) => void socket.write(GOOD), {
      tls: certificateAuthority("another").issue(["kubernetes.default.svc"]),
    });
    using api = client([deserted(), stranger.endpoint, silent.endpoint, good.endpoint]);
    expect(await api.get("/x?y=1")).toEqual({ status: 200, body: "{}", retryAfterMs: undefined });
    expect(stranger.requests).toEqual([]);
    const [request = ""] = good.requests;
    expect(request).toStartWith("GET /x?y=1 HTTP/1.1\r\nHost: kubernetes.default.svc\r\n");
    expect(request).toContain("\r\nAuthorization: Bearer abc\r\n");
  });

  test("that nobody answers tells of each", async () => {
    const nobody = deserted();
    using api = client([nobody]);
    expect(await api.get("/")).toEqual({ failed: `${formatEndpoint(nobody)}: connect refused` });
    using none = client([]);
    expect(await none.get("/")).toEqual({ failed: "no API server is known" });
  });

  test("is answered with what it is told, and for how long it is to wait", async () => {
    using busy = answering("HTTP/1.1 504 Gateway Timeout\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nlate");
    using api = client([busy.endpoint]);
    expect(await api.get("/")).toEqual({ status: 504, body: "late", retryAfterMs: 1000 });
  });

  test("without credentials is none", async () => {
    using good = answering(GOOD);
    using api = client([good.endpoint], new ServiceAccount(files.path));
    expect(await api.get("/")).toEqual({ failed: `${files.path}/token cannot be read (ENOENT)` });
    files.write("token", "one\n");
    expect(await api.get("/")).toEqual({
      failed: `${formatEndpoint(good.endpoint)}: ${files.path}/ca.crt cannot be read (ENOENT)`,
    });
    files.write("ca.crt", authority.cert);
    expect(await api.get("/")).toMatchObject({ status: 200 });
    files.write("token", "another\n");
    await api.get("/");
    expect(good.requests.map((request) => /Bearer (\w+)/.exec(request)?.[1])).toEqual(["one", "another"]);
  });
});

describe("a watch", () => {
  const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

  test("hears each line as it comes, however it is cut, until the end", async () => {
    const sockets: RawSocket[] = [];
    using server = rawServer(
      (socket) => {
        sockets.push(socket);
        socket.write(HEAD);
      },
      { tls },
    );
    using api = client([server.endpoint]);
    const heard: string[] = [];
    const [began, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const watch = api.watch("/watch", 60_000, {
      began: () => began.resolve(),
      line: (line) => {
        heard.push(line);
        if (heard.length === 2) second.resolve();
      },
    });
    await began.promise;
    sockets[0]?.write(`${chunk('{"a":')}${chunk('1}\n{"b":2}\n')}`);
    await second.promise;
    sockets[0]?.write("0\r\n\r\n");
    expect(await watch.ended).toEqual({ status: 200, body: "", retryAfterMs: undefined });
    expect(heard).toEqual(['{"a":1}', '{"b":2}']);
  });

  test("that is refused is answered with why", async () => {
    using server = answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    using api = client([server.endpoint]);
    const watch = api.watch("/watch", 60_000, { began: () => undefined, line: () => undefined });
    expect(await watch.ended).toMatchObject({ status: 403, body: "no" });
  });

  test("is over when its connection is, when it is closed, and when the client is", async () => {
    using server = rawServer((socket) => void socket.end(HEAD), { tls });
    using open = answering(HEAD);
    const api = client([server.endpoint]);
    const quiet = { began: () => undefined, line: () => undefined };
    expect(await api.watch("/", 60_000, quiet).ended).toEqual({
      failed: `${formatEndpoint(server.endpoint)}: closed before the answer was complete`,
    });
    const other = client([open.endpoint]);
    const closed = other.watch("/", 60_000, { ...quiet, began: () => closed.close() });
    expect(await closed.ended).toEqual({ failed: "called off" });
    const last = other.watch("/", 60_000, { ...quiet, began: () => other[Symbol.dispose]() });
    expect(await last.ended).toEqual({ failed: "called off" });
  });

  test("does not go on for a line without an end", async () => {
    using server = rawServer(
      (socket) => {
        socket.write(HEAD);
        const pour = (): void => {
          while (socket.write(chunk("x".repeat(60_000))) > 60_000);
        };
        socket.data.onDrain = pour;
        pour();
      },
      { tls },
    );
    using api = client([server.endpoint]);
    const watch = api.watch("/", 60_000, { began: () => undefined, line: () => undefined });
    expect(await watch.ended).toMatchObject({
      failed: expect.stringMatching(/a line of the answer is too long|malformed/),
    });
  });
});
