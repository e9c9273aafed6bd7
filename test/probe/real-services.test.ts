import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { certificateAuthority } from "./http/support/certificates.ts";
import { folder, installServers, startProgram } from "./support/programs.ts";
import { verdictOf } from "./support/verdict.ts";

beforeAll(installServers, 600_000);

setDefaultTimeout(120_000);

const POSTGRES = "/usr/lib/postgresql/15/bin";
/** It does not run as root. */
const AS_POSTGRES = "setpriv --reuid=postgres --regid=postgres --clear-groups".split(" ");

test("PostgreSQL, by a program that runs as its user", async () => {
  using files = folder();
  const data = join(files.path, "data");
  mkdirSync(data);
  Bun.spawnSync(["chown", "postgres:", data]);
  const made = Bun.spawnSync([...AS_POSTGRES, `${POSTGRES}/initdb`, ...`-D ${data} -A trust --no-sync`.split(" ")]);
  expect([made.exitCode, made.stderr.toString()]).toEqual([0, expect.any(String)]);
  const script = files.write(
    "role",
    `#!/bin/sh
${POSTGRES}/pg_isready -q -h $LVSCARE_ADDRESS -p $LVSCARE_PORT || { echo "accepts no connections"; exit 1; }
echo "$(${POSTGRES}/psql -h $LVSCARE_ADDRESS -p $LVSCARE_PORT -Atc 'select current_user, pg_is_in_recovery()')"
exit 3
`,
  );
  chmodSync(script, 0o755);
  const probe = { type: "exec", command: [script], user: "postgres", "exit-code": "weight" };
  let endpoint;
  {
    await using postgres = await startProgram((port) => [
      ...AS_POSTGRES,
      `${POSTGRES}/postgres`,
      ...`-D ${data} -p ${port} -h 127.0.0.1 -k ${data} -F`.split(" "),
    ]);
    endpoint = postgres.endpoint;
    // It takes connections before it serves.
    while ((await verdictOf(endpoint, probe)) !== "passed");
    expect(await verdictOf(endpoint, { ...probe, "exit-code": "health" })).toBe("postgres|f");
    expect(await verdictOf(endpoint, { type: "tcp" })).toBe("passed");
  }
  expect(await verdictOf(endpoint, probe)).toBe("accepts no connections");
});

test("exim speaks first", async () => {
  using files = folder();
  const spool = join(files.path, "spool");
  mkdirSync(spool);
  Bun.spawnSync(["chown", "Debian-exim:", spool]);
  const config = files.write(
    "exim.conf",
    `primary_hostname = mail.example.org
keep_environment =
spool_directory = ${spool}
log_file_path = ${spool}/%slog
`,
  );
  chmodSync(config, 0o644);
  await using exim = await startProgram((port) =>
    `/usr/sbin/exim4 -bdf -oP ${spool}/pid -oX 127.0.0.1.${port} -C ${config}`.split(" "),
  );
  const mail = { type: "tcp", expect: { "starts-with": "220 mail.example.org ESMTP Exim" } };
  expect(await verdictOf(exim.endpoint, mail)).toBe("passed");
  expect(await verdictOf(exim.endpoint, { type: "tcp", expect: { regex: "^220 .*ESMTP.*\r\n" } })).toBe("passed");
  expect(await verdictOf(exim.endpoint, { type: "tcp", expect: { "starts-with": "SSH-" } })).toStartWith(
    'expected something that begins with "SSH-", got "220 mail.example.org ESMTP Exim',
  );
});

test("etcd tells its health over mutual TLS", async () => {
  using files = folder();
  const authority = certificateAuthority();
  const own = authority.issue(["127.0.0.1"]);
  const [cert, key, ca] = [
    files.write("etcd.pem", own.cert),
    files.write("etcd.key", own.key),
    files.write("ca.pem", authority.cert),
  ];
  const client = authority.issue(["client"]);
  const [known, strange] = [client, certificateAuthority("stranger").issue(["client"])].map((one, at) =>
    files.write(`client-${at}.pem`, one.cert + one.key),
  );
  await using etcd = await startProgram((port) => {
    const url = `https://127.0.0.1:${port}`;
    return [
      ...`etcd --data-dir ${files.path}/data --log-level error --heartbeat-interval 10 --election-timeout 50`.split(
        " ",
      ),
      ...`--listen-client-urls ${url} --advertise-client-urls ${url} --listen-peer-urls http://127.0.0.1:0`.split(" "),
      ...`--cert-file ${cert} --key-file ${key} --client-cert-auth --trusted-ca-file ${ca}`.split(" "),
    ];
  });
  const probe = (tls: object): Record<string, unknown> => ({
    type: "http",
    path: "/health",
    expect: { status: [200], body: { contains: '"health":"true"' } },
    tls,
  });
  // It has to elect itself.
  while ((await verdictOf(etcd.endpoint, probe({ "ca-file": ca, "cert-file": known }))) !== "passed");
  const refused = /^TLS handshake failed: the server (demands a client|does not trust our) certificate$/;
  expect(await verdictOf(etcd.endpoint, probe({ "ca-file": ca }))).toMatch(refused);
  expect(await verdictOf(etcd.endpoint, probe({ "ca-file": ca, "cert-file": strange }))).toMatch(
    /^TLS handshake failed: /,
  );
  const typed = { type: "tls", "ca-file": ca };
  expect(await verdictOf(etcd.endpoint, { ...typed, "cert-file": known })).toBe("passed");
  expect(await verdictOf(etcd.endpoint, typed)).toMatch(refused);
});
