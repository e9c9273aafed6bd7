import { beforeAll, describe, expect, test } from "bun:test";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { certificateAuthority } from "../http/support/certificates.ts";
import { folder, installServers, startProgram, type Folder, type Program } from "../support/programs.ts";
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
  const smtp = { type: "tcp", expect: { "starts-with": "220 " } };
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

describe("nginx", () => {
  const SHA256 = new Bun.CryptoHasher("sha256").update('{"ok":true}').digest("hex");
  const BIG = "x".repeat(70_000);

  test.each<[what: string, probe: Readonly<Record<string, unknown>>, verdict: string]>([
    ["the final status, after a redirect", { path: "/moved" }, "passed"],
    ["a redirect to another server, which is not followed", { path: "/away", expect: { status: [200] } }, "status 302"],
    ["statuses that are to pass", { path: "/teapot", expect: { status: ["200-299", 418] } }, "passed"],
    ["and no other", { path: "/ready", expect: { status: [204] } }, "status 200"],
    ["a part of the body", { path: "/ready", expect: { body: { contains: '"ok":true' } } }, "passed"],
    ["its digest", { path: "/ready", expect: { body: { sha256: SHA256 } } }, "passed"],
    ["what it is not to hold", { path: "/ready", expect: { body: { not: { regex: "ok" } } } }, "body"],
    ["headers", { path: "/ready", expect: { header: { "x-state": "^up [0-9]+/3$" } } }, "passed"],
    ["a redirect that is not followed", { path: "/moved", "follow-redirects": "no", "drain-on": [301] }, "status 301"],
    ["an address to ask from", { path: "/from", source: "127.0.0.9" }, "passed"],
    ["another one", { path: "/from", source: "127.0.0.8" }, "status 403"],
    [
      "one that is not here",
      { path: "/from", source: "10.99.99.99" },
      "unknown: 10.99.99.99, to ask from, is no address",
    ],
    ["one of another family", { path: "/from", source: "::1" }, "unknown: ::1 cannot ask 127.0.0.1: one is IPv6"],
    ["a header that says otherwise", { path: "/ready", expect: { header: { "x-state": "^down" } } }, "x-state"],
    ["a name and a header of ours", { path: "/who", host: "shop.example.org", headers: { "X-Check": "1" } }, "passed"],
    ["without them", { path: "/who" }, "status 403"],
    ["HEAD", { path: "/ready", method: "HEAD" }, "passed"],
    ["a long body by a part at its beginning", { path: "/big", expect: { body: { contains: "xxx" } } }, "passed"],
    ["a long body by all of it", { path: "/big", expect: { body: { regex: "y$" } } }, "64 KiB"],
    ["a status by which it drains", { path: "/leaving", "drain-on": [404] }, "status 404: it is shutting down"],
  ])("%s", async (_, probe, verdict) => {
    using files = folder();
    files.write("big", BIG);
    await using nginx = await startProgram((port) => [
      "/usr/sbin/nginx",
      "-c",
      plainConfig(files, port),
      "-e",
      "stderr",
    ]);
    expect(await verdictOf(nginx.endpoint, { type: "http", scheme: "http", ...probe })).toContain(verdict);
  });

  test("tokens and headers from files", async () => {
    using files = folder();
    files.write("big", BIG);
    await using nginx = await startProgram((port) => [
      "/usr/sbin/nginx",
      "-c",
      plainConfig(files, port),
      "-e",
      "stderr",
    ]);
    const token = files.write("token", "sesame\n");
    const headers = files.write("headers", "Authorization: Basic YTpi\n");
    const probe = { type: "http", scheme: "http", path: "/private" };
    expect(await verdictOf(nginx.endpoint, probe)).toBe("status 401");
    expect(await verdictOf(nginx.endpoint, { ...probe, "bearer-token-file": token })).toBe("passed");
    expect(await verdictOf(nginx.endpoint, { ...probe, "headers-file": headers })).toBe("passed");
    const password = files.write("password", "a:b\n");
    expect(await verdictOf(nginx.endpoint, { ...probe, "basic-auth-file": password })).toBe("passed");
    files.write("password", "a:c\n");
    expect(await verdictOf(nginx.endpoint, { ...probe, "basic-auth-file": password })).toBe("status 401");
    files.write("token", "open\n");
    expect(await verdictOf(nginx.endpoint, { ...probe, "bearer-token-file": token })).toBe("status 401");
  });

  function plainConfig(files: Folder, port: number): string {
    const { path } = files;
    return files.write(
      "nginx.conf",
      `daemon off; master_process off; pid ${path}/pid; error_log stderr; events {}
       http { access_log off; client_body_temp_path ${path}/b; proxy_temp_path ${path}/p;
              fastcgi_temp_path ${path}/f; uwsgi_temp_path ${path}/u; scgi_temp_path ${path}/s;
              map $http_authorization $known { default 0; "Bearer sesame" 1; "Basic YTpi" 1; }
              server { listen 127.0.0.1:${port};
                location = /moved { return 301 /ready; }
                location = /away { return 302 http://127.0.0.9/ready; }
                location = /teapot { return 418; }
                location = /ready { add_header X-State "up 3/3"; return 200 '{"ok":true}'; }
                location = /who { if ($host != "shop.example.org") { return 403; } if ($http_x_check != "1") { return 403; } return 200; }
                location = /private { if ($known = 0) { return 401; } return 200; }
                location = /big { alias ${path}/big; }
                location = /from { allow 127.0.0.9; deny all; alias ${path}/big; }
                location = /leaving { return 404; } } }`,
    );
  }
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
