import { expect, test } from "bun:test";
import { describeProbe, describeProbeChange } from "../../src/config/describe-probe-change.ts";
import { fileKeysOf, PROBE_KINDS, type ProbeOptions } from "../../src/config/probe-kinds/probe-kinds.ts";
import { parseDocument } from "../../src/config/file/parse-document.ts";
import { readConfig } from "../../src/config/file/read-config.ts";

test.each([
  ["{type: http}", "{type: http, path: /x, method: HEAD, timeout: 5s}", ["path: /x", "method: HEAD", "timeout: 5s"]],
  [
    "{type: http, host: a.example, headers: {A: b}, body: x}",
    "{type: http, host: b.example, headers: {A: c}, body: z}",
    ["host: b.example", "headers", "body"],
  ],
  ["{type: http, expect: {status: [204, 300-302]}}", "{type: http}", ["expect.status: [100-399]"]],
  ["{type: http}", "{type: http, expect: {status: [100-399, 404]}}", ["expect.status: [100-399, 404]"]],
  [
    "{type: http, tls: {ca-file: /a}}",
    "{type: http, tls: {cert-file: /b}}",
    ["tls.verify: none", "tls.ca-file: none", "tls.cert-file: /b"],
  ],
  [
    "{type: tls, cert-file: /b}",
    "{type: tls, cert-file: /b, key-file: /c, alpn: [h2]}",
    ["key-file: /c", "alpn: [h2]"],
  ],
  ["{type: tls}", "{type: tls, min-days-left: 0}", ["min-days-left: 0"]],
  ["{type: http, scheme: https, tls: {min-days-left: 7}}", "{type: http, scheme: https}", ["tls.min-days-left: none"]],
  ["{type: tcp, send: a}", "{type: tcp, send: b, expect: {contains: c}}", ["send-hex", "expect"]],
  [
    "{type: http, expect: {body: {contains: a}}, drain-on: 404}",
    "{type: http, expect: {body: {contains: b}, header: {A: b}}, fail-at-once: [500-599], address: 10.0.0.9, port: 81}",
    ["expect.header", "expect.body", "drain-on: none", "fail-at-once: [500-599]", "address: 10.0.0.9", "port: 81"],
  ],
  [
    "{type: kube-apiserver, kubeconfig: /a}",
    "{type: kube-apiserver, livez: true, ignore: [etcd, ping], unauthorized: fail}",
    ["kubeconfig: none", "livez: true", "ignore: etcd, ping", "unauthorized: fail", "verify: none"],
  ],
  [
    "{type: exec, command: [/a]}",
    "{type: exec, command: [/a, b], exit-code: weight, environment: {A: b}, directory: /tmp}",
    ['command: ["/a","b"]', "exit-code: weight", "environment", "directory: /tmp"],
  ],
  ["{type: tcp}", "{type: http}", ["type: http"]],
])("%s becomes %s", (before, after, changes) => {
  expect(describeProbeChange(probeOf(before), probeOf(after))).toEqual(changes);
  // Each under a name that a file may have for it.
  const probe = probeOf(after);
  const kind = PROBE_KINDS.find(({ type }) => type === probe.type);
  const keys = ["type", "headers", ...(kind === undefined ? [] : fileKeysOf(kind))];
  const names = changes.map((change) => change.replace(/: .*/, ""));
  expect(names.filter((name) => !keys.some((key) => key === name || key.startsWith(`${name}.`)))).toEqual([]);
});

test("an interval that shortens other times is no change of the probe but for those", () => {
  expect(describeProbeChange(probeOf("{type: http}"), probeOf("{type: http}", "interval: 10s"))).toEqual([]);
  expect(describeProbeChange(probeOf("{type: http}"), probeOf("{type: http}", "interval: 1s"))).toEqual([
    "connect-timeout: 1s",
  ]);
});

test("a probe is told by its keys, without what may be secret, or is off", () => {
  const probe = probeOf("{type: http, scheme: https, path: /ready, headers: {Authorization: secret}, timeout: 3s}");
  expect(describeProbe(probe)).toEqual([
    "type: http",
    "scheme: https",
    "path: /ready",
    "method: GET",
    "expect.status: [100-399]",
    "tls.verify: none",
    "connect-timeout: 3s",
    "timeout: 3s",
  ]);
  expect(describeProbe(probeOf("{type: http, scheme: http, path: /}")).filter((line) => line.includes("tls"))).toEqual(
    [],
  );
  expect(describeProbe(probeOf("{type: tcp, send: secret, port: 81}"))).toEqual([
    "type: tcp",
    "port: 81",
    "connect-timeout: 3s",
    "timeout: 10s",
  ]);
});

// --- internal ---

function probeOf(probe: string, option = "fall: 1"): ProbeOptions {
  const text = `version: 1\nvirtual-servers:\n- address: 10.0.0.1:80\n  real-servers: [10.0.0.2:80]\n  ${option}\n  probe: ${probe}`;
  const { config, findings } = readConfig([parseDocument({ name: "f", text })]);
  const [virtualServer] = config?.virtualServers ?? [];
  const options = virtualServer?.probe;
  if (options === undefined || options.type === "combination") throw new Error(JSON.stringify(findings));
  return options;
}
