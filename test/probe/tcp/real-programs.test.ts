import { beforeAll, describe, expect, test } from "bun:test";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { certificateAuthority } from "../http/support/certificates.ts";
import { folder, installServers, startProgram, type Program } from "../support/programs.ts";
import { verdictOf } from "../support/verdict.ts";

beforeAll(installServers, 300_000);

describe("redis", () => {
  const startRedis = (...more: string[]): Promise<Program> =>
    startProgram((port) => ["redis-server", "--bind", "127.0.0.1", "--port", `${port}`, "--save", "", ...more]);
  const PING = { type: "tcp", send: "PING\r\n", expect: { "starts-with": "+PONG" } };

  test("answers a ping, also in hexadecimal", async () => {
    await using redis = await startRedis();
    expect(await verdictOf(redis.endpoint, { type: "tcp" })).toBe("passed");
    expect(await verdictOf(redis.endpoint, PING)).toBe("passed");
    const hex = { type: "tcp", "send-hex": "50 49 4e 47 0d 0a", expect: { hex: "2b504f4e47" } };
    expect(await verdictOf(redis.endpoint, hex)).toBe("passed");
    const info = { type: "tcp", send: "INFO replication\r\nQUIT\r\n" };
    expect(await verdictOf(redis.endpoint, { ...info, expect: { regex: "^\\$\\d+\r\n.*\r\nrole:master\r\n" } })).toBe(
      "passed",
    );
    // That is sure only when it has closed.
    expect(await verdictOf(redis.endpoint, { ...info, expect: { regex: "OK\r\n$" } })).toBe("passed");
    expect(await verdictOf(redis.endpoint, { ...info, expect: { regex: "role:slave" } })).toStartWith(
      "closed; expected something that matches role:slave, got ",
    );
  });

  test("that wants a password first is told with what it said", async () => {
    await using redis = await startRedis("--requirepass", "secret");
    expect(await verdictOf(redis.endpoint, PING)).toBe(
      'expected something that begins with "+PONG", got "-NOAUTH Authentication required."',
    );
  });
});

test("OpenSSH speaks first", async () => {
  using files = folder();
  const key = join(files.path, "host");
  Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
  const config = files.write("config", "UsePAM no\n");
  Bun.spawnSync(["mkdir", "-p", "/run/sshd"]);
  await using sshd = await startProgram((port) => [
    ..."/usr/sbin/sshd -D -e -o ListenAddress=127.0.0.1 -o PidFile=none".split(" "),
    ...`-f ${config} -h ${key} -o Port=${port}`.split(" "),
  ]);
  expect(await verdictOf(sshd.endpoint, { type: "tcp", expect: { "starts-with": "SSH-2.0-" } })).toBe("passed");
  const smtp = { type: "tcp", expect: { "starts-with": "220 " }, timeout: "5s" };
  expect(await verdictOf(sshd.endpoint, smtp)).toStartWith(
    'expected something that begins with "220 ", got "SSH-2.0-OpenSSH',
  );
});

describe("openssl s_server", () => {
  const authority = certificateAuthority();
  const startServer = async (files: string, ...more: string[]): Promise<Program> =>
    startProgram((port) => [
      ...`openssl s_server -quiet -accept 127.0.0.1:${port}`.split(" "),
      ...`-cert ${files}/server.pem -key ${files}/server.key`.split(" "),
      ...more,
    ]);

  test.each(["-tls1_3", "-tls1_2"])("asks for a client certificate (%s)", async (version) => {
    using files = folder();
    const server = authority.issue(["127.0.0.1"]);
    files.write("server.pem", server.cert);
    files.write("server.key", server.key);
    const ca = files.write("ca.pem", authority.cert);
    const client = authority.issue(["client"]);
    const both = files.write("client.pem", client.cert + client.key);
    const stranger = certificateAuthority("stranger").issue(["client"]);
    const wrong = files.write("wrong.pem", stranger.cert + stranger.key);
    await using openssl = await startServer(files.path, version, "-Verify", "1", "-verify_return_error", "-CAfile", ca);
    const tls = { type: "tls", "ca-file": ca };
    const missing = "TLS handshake failed: the server demands a client certificate";
    expect(await verdictOf(openssl.endpoint, tls)).toBe(missing);
    expect(await verdictOf(openssl.endpoint, { ...tls, "cert-file": both })).toBe("passed");
    expect(await verdictOf(openssl.endpoint, { ...tls, "cert-file": wrong })).toStartWith("TLS handshake failed: ");
    expect(await verdictOf(openssl.endpoint, { type: "tcp", tls: { "cert-file": both } })).toBe("passed");
  });

  test("is trusted by its authority and its name, and offered protocols", async () => {
    using files = folder();
    const server = authority.issue(["db.example.org"]);
    files.write("server.pem", server.cert);
    files.write("server.key", server.key);
    const ca = files.write("ca.pem", authority.cert);
    const others = files.write("others.pem", certificateAuthority("others").cert);
    await using openssl = await startServer(files.path, "-alpn", "postgresql,h2");
    const verdict = (more: Readonly<Record<string, unknown>>): Promise<string> =>
      verdictOf(openssl.endpoint, { type: "tls", ...more });
    expect(await verdict({})).toBe("passed");
    expect(await verdict({ "ca-file": ca })).toBe("certificate is not valid for 127.0.0.1");
    expect(await verdict({ "ca-file": ca, verify: "ca" })).toBe("passed");
    expect(await verdict({ "ca-file": ca, "server-name": "db.example.org" })).toBe("passed");
    expect(await verdict({ "ca-file": others, verify: "ca" })).toBe("certificate is not trusted (unknown authority)");
    expect(await verdict({ alpn: "postgresql" })).toBe("passed");
    expect(await verdict({ alpn: ["smtp", "imap"] })).toBe(
      "TLS handshake failed: the server speaks none of smtp, imap (ALPN)",
    );
  });
});

test("nginx: files are read again when they change, and say nothing about a server when they cannot be read", async () => {
  using files = folder();
  const [first, second] = [certificateAuthority(), certificateAuthority("second")];
  const server = first.issue(["127.0.0.1"]);
  files.write("server.pem", server.cert);
  files.write("server.key", server.key);
  const clients = files.write("clients.pem", second.cert);
  const config = (port: number): string =>
    files.write(
      "nginx.conf",
      `daemon off; master_process off; pid ${files.path}/pid; error_log stderr; events {}
       http { access_log off; client_body_temp_path ${files.path}/b; proxy_temp_path ${files.path}/p;
              fastcgi_temp_path ${files.path}/f; uwsgi_temp_path ${files.path}/u; scgi_temp_path ${files.path}/s;
              server { listen 127.0.0.1:${port} ssl; ssl_certificate server.pem; ssl_certificate_key server.key;
                       ssl_client_certificate ${clients}; ssl_verify_client on; return 200 "ok"; } }`,
    );
  await using nginx = await startProgram((port) => ["/usr/sbin/nginx", "-c", config(port), "-e", "stderr"]);
  const client = second.issue(["client"]);
  // As a mounted secret: a link that is set anew.
  const [good, bad] = [files.write("good.pem", client.cert + client.key), files.write("bad.pem", "nothing")];
  const [authority, link] = [files.write("ca.pem", first.cert), join(files.path, "client.pem")];
  const point = (to: string): void => {
    rmSync(link, { force: true });
    symlinkSync(to, link);
  };
  point(good);
  const probe = { type: "http", path: "/", tls: { "ca-file": authority, "cert-file": link } };
  expect(await verdictOf(nginx.endpoint, probe)).toBe("passed");
  expect(await verdictOf(nginx.endpoint, { ...probe, tls: { "ca-file": authority } })).toBe("status 400");
  point(bad);
  expect(await verdictOf(nginx.endpoint, probe)).toStartWith("unknown: ");
  rmSync(link);
  expect(await verdictOf(nginx.endpoint, probe)).toBe(`unknown: ${link} cannot be read (ENOENT)`);
  point(good);
  writeFileSync(authority, second.cert);
  expect(await verdictOf(nginx.endpoint, probe)).toBe("certificate is not trusted (unknown authority)");
});
