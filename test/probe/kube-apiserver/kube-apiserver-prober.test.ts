import { afterAll, describe, expect, test } from "bun:test";
import { parseDocument } from "../../../src/config/file/parse-document.ts";
import { readConfig } from "../../../src/config/file/read-config.ts";
import type { ProbeOptions } from "../../../src/config/care-options.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import { checkOnce } from "../contract.ts";
import { certificateAuthority, type Certificate } from "../http/support/certificates.ts";
import { rawServer, type RawServer } from "../http/support/raw-server.ts";
import { folder } from "../support/programs.ts";

const authority = certificateAuthority();
const server = authority.issue(["127.0.0.1", "kubernetes.default.svc"]);
const files = folder();
afterAll(() => files[Symbol.dispose]());

// As an API server of 1.36 answers, character by character.
const TABLE = (failed: readonly string[]): string =>
  [
    "[+]ping ok",
    ...failed.map((name) => `[-]${name} failed: reason withheld`),
    "[+]poststarthook/start-apiextensions-informers ok",
    "readyz check failed",
    "",
  ].join("\n");

describe("what an API server says of itself", () => {
  test.each<[status: number, body: string, verdict: object]>([
    [200, "ok", { passed: true, reason: "status 200" }],
    [500, TABLE(["etcd", "informer-sync"]), { passed: false, reason: "readyz: etcd, informer-sync" }],
    [500, TABLE(["a", "b", "c", "d", "e"]), { passed: false, reason: "readyz: a, b, c and 2 more" }],
    [500, TABLE(["shutdown"]), { passed: false, reason: "readyz: shutdown", leaving: true }],
    [500, TABLE(["etcd", "shutdown"]), { passed: false, reason: "readyz: shutdown", leaving: true }],
    [
      500,
      TABLE(["poststarthook/rbac/bootstrap-roles"]),
      { passed: false, reason: "starting: poststarthook/rbac/bootstrap-roles" },
    ],
    [500, TABLE(["etcd", "poststarthook/a"]), { passed: false, reason: "readyz: etcd, poststarthook/a" }],
    [500, "no table", { passed: false, reason: "status 500" }],
    [
      401,
      "",
      {
        passed: true,
        reason: "status 401: alive, but without credentials it does not say whether it is ready",
        notice: "status 401: alive, but without credentials it does not say whether it is ready",
      },
    ],
    [
      403,
      "",
      {
        passed: true,
        reason: "status 403: alive, but without credentials it does not say whether it is ready",
        notice: "status 403: alive, but without credentials it does not say whether it is ready",
      },
    ],
    [429, "", { passed: true, reason: "status 429: busy" }],
    [301, "", { passed: false, reason: "status 301" }],
    [400, "", { passed: false, reason: "status 400" }],
    [503, "", { passed: false, reason: "status 503" }],
  ])("%d %j", async (status, body, verdict) => {
    using apiServer = answeringAs(() => [status, body]);
    expect(without(await checkOnce(probe({}), apiServer.endpoint))).toEqual(verdict);
  });

  test("401 and 403 fail where that is asked for", async () => {
    using apiServer = answeringAs(() => [403, ""]);
    const outcome = await checkOnce(probe({ unauthorized: "fail" }), apiServer.endpoint);
    expect(without(outcome)).toEqual({ passed: false, reason: "status 403" });
  });

  test("one before 1.16, which has no /readyz, is asked for /healthz", async () => {
    using old = answeringAs((path) => (path === "/healthz" ? [200, "ok"] : [404, "404 page not found\n"]));
    expect(without(await checkOnce(probe({}), old.endpoint))).toEqual({
      passed: true,
      reason: "status 200 of /healthz",
    });
    using other = answeringAs(() => [404, ""]);
    expect(without(await checkOnce(probe({}), other.endpoint))).toEqual({ passed: false, reason: "status 404" });
  });

  test("is asked for what counts", async () => {
    const asked: string[] = [];
    using apiServer = answeringAs((path) => {
      asked.push(path);
      return [200, "ok"];
    });
    await checkOnce(probe({ ignore: ["etcd", "poststarthook/rbac/bootstrap-roles"] }), apiServer.endpoint);
    await checkOnce(probe({ livez: true, ignore: "etcd" }), apiServer.endpoint);
    expect(asked).toEqual(["/readyz?exclude=etcd&exclude=poststarthook/rbac/bootstrap-roles", "/livez?exclude=etcd"]);
  });
});

describe("a kubeconfig", () => {
  test("has whom to trust and what to show", async () => {
    const heads: string[] = [];
    using apiServer = answeringAs(
      () => [200, "ok"],
      server,
      (head) => heads.push(head),
    );
    const kubeconfig = files.write("token.conf", kubeconfigText({ token: "a.b-c" }));
    expect(await checkOnce(probe({ kubeconfig }), apiServer.endpoint)).toMatchObject({ passed: true });
    expect(heads.at(-1)).toContain("\r\nAuthorization: Bearer a.b-c\r\n");
  });

  test("of which all is in files beside it, which are read again when they change", async () => {
    const heads: string[] = [];
    using apiServer = answeringAs(
      () => [200, "ok"],
      server,
      (head) => heads.push(head),
    );
    files.write("ca.crt", authority.cert);
    const token = files.write("token", "one\n");
    const kubeconfig = files.write(
      "files.conf",
      kubeconfigText({ tokenFile: "token" }, { "certificate-authority": "ca.crt" }),
    );
    const options = probe({ kubeconfig });
    await checkOnce(options, apiServer.endpoint);
    files.write("token", "another\n");
    await checkOnce(options, apiServer.endpoint);
    expect(heads.map((head) => /Bearer (\w+)/.exec(head)?.[1])).toEqual(["one", "another"]);
    await Bun.file(token).delete();
    expect(await checkOnce(options, apiServer.endpoint)).toMatchObject({
      passed: undefined,
      reason: `${kubeconfig}, or a file that it names, cannot be read (ENOENT)`,
    });
  });

  test("a server of another cluster fails at once", async () => {
    const stranger = certificateAuthority("stranger").issue(["127.0.0.1"]);
    using apiServer = answeringAs(() => [200, "ok"], stranger);
    const kubeconfig = files.write("another.conf", kubeconfigText({}));
    expect(await checkOnce(probe({ kubeconfig }), apiServer.endpoint)).toMatchObject({
      passed: false,
      reason: "another cluster answers: certificate is not trusted (unknown authority)",
      atOnce: true,
    });
  });

  test("the name of its server is the one that a certificate has to fit", async () => {
    const named = authority.issue(["apiserver.cluster.local"]);
    using apiServer = answeringAs(() => [200, "ok"], named);
    const write = (cluster: object): string => files.write("name.conf", kubeconfigText({}, cluster));
    const verdict = async (cluster: object): Promise<string> =>
      (await checkOnce(probe({ kubeconfig: write(cluster) }), apiServer.endpoint)).reason;
    expect(await verdict({ server: "https://10.0.0.1:6443" })).toBe("certificate is not valid for 127.0.0.1");
    expect(await verdict({ server: "https://apiserver.cluster.local:6443" })).toBe("status 200");
    expect(await verdict({ "tls-server-name": "apiserver.cluster.local" })).toBe("status 200");
    expect(await verdict({ "insecure-skip-tls-verify": true })).toBe("status 200");
  });

  test.each<[text: string, problem: string]>([
    ["{", "it is no YAML"],
    ["5", "it is no kubeconfig"],
    ["{}", "it has no current context"],
    ["current-context: a\ncontexts: [{name: a, context: {cluster: c}}]", "it has no cluster c"],
    [kubeconfigText({ exec: { command: "aws" } }), "its user has exec, which is not run here"],
    [
      kubeconfigText({ "client-certificate": "/c.pem" }),
      "its user has a client certificate without a key, or the other way round",
    ],
    [kubeconfigText({ token: 5 }), "its token is no text"],
  ])("%j: %s", async (text, problem) => {
    using apiServer = answeringAs(() => [200, "ok"]);
    const kubeconfig = files.write("bad.conf", text);
    expect(await checkOnce(probe({ kubeconfig }), apiServer.endpoint)).toMatchObject({
      passed: undefined,
      reason: `${kubeconfig}: ${problem}`,
    });
  });
});

// --- internal ---

/** As a file says it. */
function probe(keys: Readonly<Record<string, unknown>>): ProbeOptions {
  const file = {
    version: 1,
    "virtual-servers": [
      { address: "10.0.0.1:80", "real-servers": ["10.0.0.2:80"], probe: { type: "kube-apiserver", ...keys } },
    ],
  };
  const { config, findings } = readConfig([parseDocument({ name: "f.yaml", text: JSON.stringify(file) })]);
  expect(findings.map(({ message }) => message)).toEqual([]);
  const options = config?.virtualServers[0]?.probe;
  if (options === undefined || options.type === "combination") throw new Error("no probe");
  return options;
}

/** A server that answers by the path it is asked for. */
function answeringAs(
  answer: (path: string) => readonly [status: number, body: string],
  certificate: Certificate = server,
  asked: (head: string) => void = () => undefined,
): RawServer {
  return rawServer(
    (socket, bytes) => {
      const head = Buffer.from(bytes).toString("latin1");
      asked(head);
      const [status, body] = answer(head.split(" ")[1] ?? "");
      socket.write(`HTTP/1.1 ${status} So\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    },
    { tls: certificate },
  );
}

function kubeconfigText(user: object, cluster: object = {}): string {
  const trust = "certificate-authority" in cluster ? {} : { "certificate-authority-data": btoa(authority.cert) };
  return JSON.stringify({
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "own", user: "node" } }],
    clusters: [{ name: "own", cluster: { server: "https://127.0.0.1:6443", ...trust, ...cluster } }],
    users: [{ name: "node", user }],
  });
}

/** All but the times. */
function without(outcome: ProbeOutcome): object {
  return Object.fromEntries(Object.entries(outcome).filter(([key]) => key !== "latencyMs" && key !== "timings"));
}
