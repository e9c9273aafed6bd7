import { describe, expect, test } from "bun:test";
import { PLAIN_HEALTH_POLICY } from "../../../src/domain/health-policy.ts";
import { formatEndpoint } from "../../../src/domain/endpoint.ts";
import { fileWith, linesOf, read, SERVERS } from "./problems-in.ts";

type Rows = readonly (readonly [keys: string, told: string])[];

/** Keys beside those that a virtual server needs. A caret is before the place that is told; without one it is the item's beginning. */
const inServer: Rows = [
  ["^pathh: 1", "error: virtual-servers[0].pathh: unknown key pathh"],
  ["^intervall: 1", "error: virtual-servers[0].intervall: unknown key intervall; did you mean interval?"],
  ["^health-path: /x", "error: virtual-servers[0].health-path: unknown key health-path; did you mean probe.path?"],
  ["^logger: INFO", "error: virtual-servers[0].logger: unknown key logger; logger stands at the top of the file"],
  ["^protocol: udp", "error: virtual-servers[0].protocol: unknown key protocol"],
  ["interval: ^fast", 'error: virtual-servers[0].interval: expected a time such as 5s or 500ms, got "fast"'],
  ["interval: ^true", "error: virtual-servers[0].interval: expected a time such as 5s or 500ms, got true"],
  ["interval: ^1ms", "error: virtual-servers[0].interval: 1ms is less than 10ms"],
  ["interval: ^25h", "error: virtual-servers[0].interval: 25h is more than 24h"],
  ["drain-timeout: ^-1", "error: virtual-servers[0].drain-timeout: -1s is less than 1ms"],
  [
    "interval-fast: ^6s",
    "error: virtual-servers[0].interval-fast: it is longer than interval, which is for calmer times",
  ],
  ["fall: ^0", "error: virtual-servers[0].fall: 0 is less than 1"],
  ["fall: ^1001", "error: virtual-servers[0].fall: 1001 is more than 1000"],
  ["fall: ^1.5", "error: virtual-servers[0].fall: expected a whole number, got 1.5"],
  ['fall: ^"2"', 'error: virtual-servers[0].fall: expected a whole number, got "2"'],
  ["fall: ^[2]", "error: virtual-servers[0].fall: expected a whole number, got a list"],
  ["last-resort: ^yes", 'error: virtual-servers[0].last-resort: expected true or false, got "yes"'],
  ["panic-threshold: ^101%", "error: virtual-servers[0].panic-threshold: 101 is more than 100"],
  [
    "scheduler: ^lcw",
    "error: virtual-servers[0].scheduler: lcw is none of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos; did you mean lc?",
  ],
  ["mode: ^5", "error: virtual-servers[0].mode: expected one of route, link, none, got 5"],
  ["iface: ^5", "error: virtual-servers[0].iface: expected text, got 5; write it in quotes"],
  [
    'ip: ^"fd00::9"',
    'error: virtual-servers[0].ip: "fd00::9" cannot be the gateway to 10.0.0.1: one is IPv4, the other IPv6',
  ],
  ["ip: ^here", 'error: virtual-servers[0].ip: "here" is not an IP address'],
  [
    "strict-arp: ^true, sysctls: keep",
    "error: virtual-servers[0].strict-arp: consists of kernel settings, which sysctls keep leaves alone",
  ],
  ["slow-start: ^5s", "error: virtual-servers[0].slow-start: the scheduler rr heeds no weights; use wrr or wlc"],
  [
    "slow-start: ^5s, scheduler: wrr",
    "error: virtual-servers[0].slow-start: a weight of 1 leaves nothing to climb; give weight 10 or more",
  ],
  ["weight: ^3", "warning: virtual-servers[0].weight: rr heeds no weights: 3 acts as 1; wrr would heed them"],
  [
    "name: ^Web",
    'error: virtual-servers[0].name: expected a name of at most 63 small letters, digits and hyphens, got "Web"',
  ],
  [
    "persistence: ^5m",
    'error: virtual-servers[0].persistence: expected keys with values, got "5m"; write {timeout: 5m}',
  ],
  [
    "persistence: ^300",
    "error: virtual-servers[0].persistence: expected keys with values, got 300; write {timeout: 300}",
  ],
  ["persistence: ^true", "error: virtual-servers[0].persistence: expected keys with values, got true"],
  ["^persistence: {prefix: 24}", "error: virtual-servers[0].persistence: needs a timeout"],
  [
    "persistence: {timeout: ^500ms}",
    "error: virtual-servers[0].persistence.timeout: 500ms is not whole seconds, which is all that the kernel counts",
  ],
  ["persistence: {timeout: 5m, prefix: ^33}", "error: virtual-servers[0].persistence.prefix: 33 is more than 32"],
  ["persistence: {timeout: 5m, ^engine: sip}", "error: virtual-servers[0].persistence.engine: unknown key engine"],
  [
    "persistence: {timeout: ^5m}, data-plane: userspace",
    "error: virtual-servers[0].persistence.timeout: data-plane userspace has no persistence; the scheduler sh keeps a client at its server, too",
  ],
  ["discover: ^members", 'error: virtual-servers[0].discover: expected keys with values, got "members"'],
  ["^discover: {path: /m}", "error: virtual-servers[0].discover: needs a type; there is file, kubernetes, dns"],
  [
    "discover: {type: ^fil, path: /m}",
    "error: virtual-servers[0].discover.type: fil is none of file, kubernetes, dns; did you mean file?",
  ],
  ["^discover: {type: file}", "error: virtual-servers[0].discover: type file needs a path"],
  ["discover: {type: file, path: ^m}", 'error: virtual-servers[0].discover.path: "m" is no absolute path'],
  [
    "discover: {type: file, path: /m, ^polizy: only}",
    "error: virtual-servers[0].discover.polizy: unknown key polizy; did you mean policy?",
  ],
  [
    "discover: {type: file, path: /m, policy: ^never}",
    "error: virtual-servers[0].discover.policy: never is none of bootstrap, merge, only",
  ],
  [
    "discover: {type: file, path: /m, remove-at-most: ^101%}",
    "error: virtual-servers[0].discover.remove-at-most: 101 is more than 100",
  ],
  [
    "discover: {type: file, path: /m, confirm: ^soon}",
    'error: virtual-servers[0].discover.confirm: expected a time such as 5s or 500ms, got "soon"',
  ],
  [
    "discover: {type: kubernetes, ^path: /m}",
    "error: virtual-servers[0].discover.path: type kubernetes has no key path; type file has it",
  ],
  [
    "discover: {type: kubernetes, service: ^A/b/c}",
    'error: virtual-servers[0].discover.service: "A/b/c" is no service; write namespace/name',
  ],
  ["discover: {type: kubernetes, port: ^0}", "error: virtual-servers[0].discover.port: 0 is less than 1"],
  [
    "discover: {type: kubernetes, port: ^Web}",
    'error: virtual-servers[0].discover.port: "Web" is neither the name nor the number of a port',
  ],
  [
    "discover: {type: kubernetes, port: ^[1]}",
    "error: virtual-servers[0].discover.port: expected the name or number of a port, got a list",
  ],
  ["^discover: {type: dns, port: 80}", "error: virtual-servers[0].discover: type dns needs a name"],
  [
    "discover: {type: dns, name: ^api.example.org}",
    "error: virtual-servers[0].discover.name: needs a port: only the name of a service, such as _https._tcp.example.org, has one of its own",
  ],
  [
    "discover: {type: dns, name: _http._tcp.example.org, port: ^80}",
    "error: virtual-servers[0].discover.port: the records of a service have ports of their own",
  ],
  [
    'discover: {type: dns, name: ^"a b", port: 80}',
    'error: virtual-servers[0].discover.name: "a b" is no name in the DNS',
  ],
  [
    "discover: {type: dns, name: a.example.org, port: 80, servers: ^here}",
    'error: virtual-servers[0].discover.servers: "here" is not an address with a port; write it as IP:port',
  ],
  [
    "discover: {type: dns, name: a.example.org, port: 80, min-ttl: ^10m}",
    "error: virtual-servers[0].discover.min-ttl: it is longer than max-ttl",
  ],
  ["discover: {type: kubernetes, poll: ^500ms}", "error: virtual-servers[0].discover.poll: 500ms is less than 1s"],
  ["weight: ^70000", "error: virtual-servers[0].weight: 70000 is more than 65535"],
];

/** A key that is misspelt, or called as other programs call it, in the place of one that is needed: it is told once. */
const misspelt: readonly (readonly [told: string, text: string])[] = [
  ["virtual-servers[0].adress: address", `version: 1\nvirtual-servers:\n- {adress: 10.0.0.1:80, ${SERVERS}}`],
  ["virtual-servers[0].reel-servers: real-servers", fileWith("probe: {type: http}, reel-servers: [x]")],
  ["virtual-servers[0].backends: real-servers", fileWith("probe: {type: http}, backends: [x]")],
  ["virtual-servers[0].discovery: discover", fileWith("probe: {type: http}, discovery: {type: dns}")],
  ["virtual-servers[0].porbe: probe", fileWith("porbe: {type: http}, real-servers: [10.0.0.2:80]")],
  ["virtual-servers[0].health_check: probe", fileWith("health_check: {type: http}, real-servers: [10.0.0.2:80]")],
  ["virtual-servers[0].probe.typ: type", fileWith("probe: {typ: http}, real-servers: [10.0.0.2:80]")],
  ["virtual-servers[0].discover.typ: type", fileWith("probe: {type: http}, discover: {typ: dns}")],
  ["virtual-servers[0].discover.pth: path", fileWith("probe: {type: http}, discover: {type: file, pth: /etc/members}")],
  ["virtual-servers[0].persistence.timout: timeout", fileWith(`${SERVERS}, persistence: {prefix: 24, timout: 5m}`)],
  [
    "virtual-servers[0].real-servers[0].adress: address",
    fileWith("probe: {type: http}, real-servers: [{adress: 10.0.0.2:80}]"),
  ],
  [
    "virtual-servers[0].real-servers[0].server: address",
    fileWith("probe: {type: http}, real-servers: [{server: 10.0.0.2:80}]"),
  ],
  ["defaults.check: probe", fileWith("real-servers: [10.0.0.2:80]", "defaults: {check: {type: http}}\n")],
  ["verson: version", fileWith(SERVERS).replace("version", "verson")],
  ["virtual-server: virtual-servers", fileWith(SERVERS).replace("virtual-servers", "virtual-server")],
  ["services: virtual-servers", fileWith(SERVERS).replace("virtual-servers", "services")],
];

/** Words of other programs, and what is meant by them there. */
const othersWords: readonly (readonly [told: string, text: string])[] = [
  ...["web", "listen", "bind", "metrics"].map((word): [string, string] => [
    `${word}: http-listen`,
    fileWith(SERVERS, `${word}: 127.0.0.1:9393\n`),
  ]),
  ["virtual-servers[0].listen: address", fileWith(`${SERVERS}, listen: 10.0.0.1:80`)],
  ["virtual-servers[0].vip: address", fileWith(`${SERVERS}, vip: 10.0.0.1:80`)],
  ["virtual-servers[0].upstreams: real-servers", fileWith(`${SERVERS}, upstreams: []`)],
  ["virtual-servers[0].healthCheck: probe", fileWith(`${SERVERS}, healthCheck: {}`)],
  ["virtual-servers[0].lb_algo: scheduler", fileWith(`${SERVERS}, lb_algo: wrr`)],
  [
    "virtual-servers[0].probe.status: expect.status",
    fileWith("probe: {type: http, status: 200}, real-servers: [10.0.0.2:80]"),
  ],
];

/** The same, in the place of all but the address. */
const instead: Rows = [
  [
    "real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0]: needs a probe; {type: http} is the least (asks over TLS; scheme: http for plain)",
  ],
  [
    "probe: ^web, real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0].probe: no probe has the name web; there are none",
  ],
  [
    "probe: ^5, real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0].probe: expected a probe or the name of one, got 5",
  ],
  [
    "probe: ^tcp, real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0].probe: no probe has the name tcp; write {type: tcp} for a check of that type",
  ],
  [
    "probe: {^all: [{type: tcp}]}, real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0].probe.all: unknown key all; several checks stand under probes, such as probes: {all: [...]}",
  ],
  [
    "probe: {type: tcp}, real-servers: [{address: 10.0.0.2:80, ^probe: {port: 81}}]",
    "error: virtual-servers[0].real-servers[0].probe: needs a type; write type: http: a real server's own probe begins anew",
  ],
  ["^probe: {}, real-servers: [10.0.0.2:80]", "error: virtual-servers[0].probe: needs a type; write type: http"],
  [
    "probe: {type: ^smtp}, real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0].probe.type: smtp is none of http, tcp, tls, kube-apiserver, exec, agent",
  ],
  [
    "probe: {type: ^https}, real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0].probe.type: https is none of http, tcp, tls, kube-apiserver, exec, agent; write type: http; its scheme is https unless it says otherwise",
  ],
  [
    "probe: {type: ^kube-api-server}, real-servers: [10.0.0.2:80]",
    "error: virtual-servers[0].probe.type: kube-api-server is none of http, tcp, tls, kube-apiserver, exec, agent; did you mean kube-apiserver?",
  ],
  ["probe: {type: http}", "error: virtual-servers[0]: needs real-servers; or discover"],
  ["probe: {type: http}, real-servers: ^[]", "error: virtual-servers[0].real-servers: needs at least one real server"],
  [
    "probe: {type: http}, real-servers: ^10.0.0.2:80",
    'error: virtual-servers[0].real-servers: expected a list of real servers, got "10.0.0.2:80"; write [10.0.0.2:80]',
  ],
  [
    'probe: {type: http}, real-servers: ^"[fd00::2]:80, 10.0.0.3:80"',
    'error: virtual-servers[0].real-servers: expected a list of real servers, got "[fd00::2]:80, 10.0.0.3:80"; write ["[fd00::2]:80", 10.0.0.3:80]',
  ],
  [
    "probe: {type: http}, real-servers: ^web",
    'error: virtual-servers[0].real-servers: expected a list of real servers, got "web"',
  ],
];

const inProbe: Rows = [
  ["^pathh: /x", "error: virtual-servers[0].probe.pathh: unknown key pathh; did you mean path?"],
  ["path: ^http://x/", 'error: virtual-servers[0].probe.path: "http://x/" is a URL; give only the path'],
  ["scheme: ^ftp", "error: virtual-servers[0].probe.scheme: ftp is none of http, https"],
  ["timeout: ^6s", "warning: virtual-servers[0].probe.timeout: timeout 6s is longer than interval 5s"],
  ["body: ^5", "error: virtual-servers[0].probe.body: expected text, got 5; write it in quotes"],
  [
    "headers: {X: ^5}",
    "error: virtual-servers[0].probe.headers.X: expected text, or a list of texts, as the value of X; write it in quotes",
  ],
  ["headers: {^X Y: a}", 'error: virtual-servers[0].probe.headers["X Y"]: "X Y" is not a header name'],
  [
    'headers: {Content-Length: ^"5"}',
    'error: virtual-servers[0].probe.headers.Content-Length: "Content-Length" follows from the body and cannot be given',
  ],
  [
    "host: ^a, headers: {Host: b}",
    "error: virtual-servers[0].probe.host: Host may be given once only, and with one value",
  ],
  [
    "expect: {status: [^99]}",
    "error: virtual-servers[0].probe.expect.status[0]: expected a status code or a range such as 200-299, got 99",
  ],
  [
    "expect: {status: [^299-200]}",
    "error: virtual-servers[0].probe.expect.status[0]: 299-200 is no range from 100 to 999",
  ],
  [
    "expect: {status: ^99}",
    "error: virtual-servers[0].probe.expect.status: expected a status code or a range such as 200-299, got 99",
  ],
  [
    "expect: {status: ^2xx}",
    'error: virtual-servers[0].probe.expect.status: expected a status code or a range such as 200-299, got "2xx"',
  ],
  [
    "expect: {status: ^true}",
    "error: virtual-servers[0].probe.expect.status: expected a status code, a range such as 200-299, or a list of them, got true",
  ],
  ["timeout: ^0", "error: virtual-servers[0].probe.timeout: 0s is less than 1ms"],
  [
    "expect: {status: ^[]}",
    "error: virtual-servers[0].probe.expect.status: expected a status code, a range such as 200-299, or a list of them, got an empty list",
  ],
  ["path: ^ready", 'error: virtual-servers[0].probe.path: "ready" begins with no slash; write /ready'],
  ['path: ^""', 'error: virtual-servers[0].probe.path: "" begins with no slash; write /'],
  ['host: ^"a b"', 'error: virtual-servers[0].probe.host: "a b" is no name of a host'],
  ["scheme: http, tls: {verify: ^full}", "error: virtual-servers[0].probe.tls.verify: the scheme http has no TLS"],
  [
    "scheme: http, tls: {server-name: ^a.b}",
    "error: virtual-servers[0].probe.tls.server-name: the scheme http has no TLS",
  ],
  ["tls: {verify: ^true}", "error: virtual-servers[0].probe.tls.verify: expected none, ca or full, got true"],
  ["tls: {ca-file: ^x}", 'error: virtual-servers[0].probe.tls.ca-file: "x" is no absolute path'],
  ["tls: {ca-file: ^/x, verify: none}", "error: virtual-servers[0].probe.tls.ca-file: verify: none trusts anybody"],
  ["bearer-token-file: ^x", 'error: virtual-servers[0].probe.bearer-token-file: "x" is no absolute path'],
  ["tls: {key-file: ^/x}", "error: virtual-servers[0].probe.tls.key-file: needs cert-file"],
  ["scheme: http, tls: {ca-file: ^/x}", "error: virtual-servers[0].probe.tls.ca-file: the scheme http has no TLS"],
  ["^send: PING", "error: virtual-servers[0].probe.send: type http has no key send; type tcp or agent has it"],
];

const inProbeOfPages: typeof inProbe = [
  [
    "expect: {status: [200]}, drain-on: ^[200]",
    "error: virtual-servers[0].probe.drain-on: no status is left that passes: all that do say that the server shuts down",
  ],
  [
    "drain-on: ^[200-299, 300-404]",
    "error: virtual-servers[0].probe.drain-on: no status is left that passes: all that do say that the server shuts down",
  ],
  [
    "expect: {body: ^ok}",
    'error: virtual-servers[0].probe.expect.body: expected contains, regex, sha256 or not, got "ok"',
  ],
  [
    "expect: {body: ^{}}",
    "error: virtual-servers[0].probe.expect.body: expects nothing; give contains, regex, sha256 or not",
  ],
  [
    "expect: {body: ^{has: ok}}",
    "error: virtual-servers[0].probe.expect.body: unknown key has; give contains, regex, sha256 or not",
  ],
  ["expect: {body: ^{contains: 5}}", "error: virtual-servers[0].probe.expect.body: contains: expected text, got 5"],
  ["expect: {body: ^{contains: ''}}", "error: virtual-servers[0].probe.expect.body: contains is empty"],
  [
    "expect: {body: ^{sha256: abc}}",
    'error: virtual-servers[0].probe.expect.body: sha256: "abc" is not 64 digits in hexadecimal',
  ],
  [
    "expect: {body: ^{not: {sha256: abc}}}",
    'error: virtual-servers[0].probe.expect.body: sha256: "abc" is not 64 digits in hexadecimal',
  ],
  [
    "expect: {body: ^{regex: '(a)\\1'}}",
    'error: virtual-servers[0].probe.expect.body: regex: "\\1" at character 4 would have to go back in the text, or is unknown',
  ],
  [
    "expect: {header: ^{X-Role: '('}}",
    'error: virtual-servers[0].probe.expect.header: X-Role: "(" at character 1 is not closed',
  ],
  ["expect: {header: ^{'X Role': a}}", 'error: virtual-servers[0].probe.expect.header: "X Role" is not a header name'],
  ["address: ^here", 'error: virtual-servers[0].probe.address: "here" is not an IP address'],
  ["port: ^0", "error: virtual-servers[0].probe.port: 0 is less than 1"],
  ...["bearer-token-file", "basic-auth-file"].map((key): [string, string] => [
    `headers: {authorization: a}, ${key}: ^/etc/lvscare-token`,
    `error: virtual-servers[0].probe.${key}: there is an Authorization among the headers already`,
  ]),
  [
    "headers: {x-lvscare-state: a}, send-state: ^true",
    "error: virtual-servers[0].probe.send-state: there is an X-Lvscare-State among the headers already",
  ],
  ["drain-on: ^99", 'error: virtual-servers[0].probe.drain-on: "99" is no status code, nor a range such as 200-299'],
  ["drain-on: ^[599-500]", "error: virtual-servers[0].probe.drain-on: 599-500 ends before it begins"],
  [
    "drain-on: ^true",
    "error: virtual-servers[0].probe.drain-on: expected a status code, a range such as 500-599, or a list of them, got true",
  ],
  [
    "drain-on: 503, fail-at-once: ^[500-599]",
    "error: virtual-servers[0].probe.fail-at-once: 500-599 is in drain-on, too",
  ],
];

const inOtherKinds: typeof inProbe = [
  [
    "type: agent, port: 81, fall: ^3",
    "warning: virtual-servers[0].probe.fall: what an agent says counts at once, whatever fall says",
  ],
  [
    "type: agent, port: 81, stale-after: ^1ms",
    "warning: virtual-servers[0].probe.stale-after: stale-after 1ms is shorter than interval 2s",
  ],
  [
    "type: exec, command: [/bin/true], exit-code: ^weight",
    "warning: virtual-servers[0].probe.exit-code: rr heeds no weights: all that a program asks for but 0 act as 1; wrr would heed them",
  ],
  [
    "type: http, ^min-days-left: 3",
    "error: virtual-servers[0].probe.min-days-left: type http has no key min-days-left; write it under tls",
  ],
  [
    "type: kube-apiserver, tls: {^verify: none}",
    "error: virtual-servers[0].probe.tls.verify: type kube-apiserver has no key tls.verify; write verify, without tls",
  ],
  [
    "type: exec, command: [/bin/true], ^port: 1",
    "error: virtual-servers[0].probe.port: type exec has no key port; type http or tcp or tls or kube-apiserver or agent has it",
  ],
  ["type: agent", "error: virtual-servers[0]: a probe of type agent needs the port that its agent listens at"],
  [
    "type: agent, port: 9777, ^command: [/bin/true]",
    "error: virtual-servers[0].probe.command: type agent has no key command; type exec has it",
  ],
  [
    "type: agent, port: 9777, stale-after: ^soon",
    'error: virtual-servers[0].probe.stale-after: expected a time such as 5s or 500ms, got "soon"',
  ],
  ["type: exec", "error: virtual-servers[0]: a probe of type exec needs a command"],
  [
    "type: exec, command: ^/bin/true -x",
    'error: virtual-servers[0].probe.command: expected a list of arguments, got "/bin/true -x"; there is no shell',
  ],
  [
    "type: exec, command: ^[true]",
    "error: virtual-servers[0].probe.command: expected text, got true; write it in quotes",
  ],
  [
    "type: exec, command: ^[]",
    "error: virtual-servers[0].probe.command: expected a program and its arguments, got nothing",
  ],
  [
    'type: exec, command: ^["true"]',
    'error: virtual-servers[0].probe.command: "true" is no absolute path of a program',
  ],
  [
    "type: exec, command: [/bin/true], exit-code: weight, output: ^json",
    "error: virtual-servers[0].probe.output: json has the weight in it: exit-code: weight does not go with it",
  ],
  ["type: exec, command: [/bin/true], user: ^a b", 'error: virtual-servers[0].probe.user: "a b" is no name of a user'],
  [
    "type: exec, command: [/bin/true], environment: ^{LVSCARE_PORT: '1'}",
    "error: virtual-servers[0].probe.environment: LVSCARE_PORT is set by LVScare itself",
  ],
  [
    "type: exec, command: [/bin/true], environment: ^{A: 1, B: x, C: []}",
    "error: virtual-servers[0].probe.environment: A: expected text, got 1; C: expected text, got an empty list; write it in quotes",
  ],
  [
    "type: exec, command: [/bin/true], environment: ^{LVSCARE_A: x, B: x, 1C: x}",
    'error: virtual-servers[0].probe.environment: LVSCARE_A is set by LVScare itself; "1C" is no name of a variable',
  ],
  [
    "type: exec, command: [/bin/true], environment: ^{A: 1}",
    "error: virtual-servers[0].probe.environment: A: expected text, got 1; write it in quotes",
  ],
  [
    "type: exec, command: [/bin/true], ^path: /",
    "error: virtual-servers[0].probe.path: type exec has no key path; type http has it",
  ],
  ["type: tcp, ^path: /", "error: virtual-servers[0].probe.path: type tcp has no key path; type http has it"],
  [
    "type: tcp, tls: {verify: none}, expect: {contains: a, starts-with: ^b}",
    "error: virtual-servers[0].probe.expect.starts-with: only one of contains, starts-with, regex and hex can be expected",
  ],
  [
    "type: tcp, expect: {contains: a, within: ^70000}",
    "error: virtual-servers[0].probe.expect.within: 70000 is more than 65536",
  ],
  [
    "type: tcp, expect: {contains: a, regex: ^b}",
    "error: virtual-servers[0].probe.expect.regex: only one of contains, starts-with, regex and hex can be expected",
  ],
  [
    "type: tcp, expect: {regex: ^'a(?!b)'}",
    'error: virtual-servers[0].probe.expect.regex: "(?!" at character 2 would have to go back in the text, or is unknown',
  ],
  ["type: tcp, expect: {within: ^9}", "error: virtual-servers[0].probe.expect.within: needs something to expect"],
  [
    "type: tcp, send-hex: ^5g",
    'error: virtual-servers[0].probe.send-hex: "5g" is not in hexadecimal, two digits a byte',
  ],
  ["type: tcp, send: a, send-hex: ^'61'", "error: virtual-servers[0].probe.send-hex: goes not with send"],
  ['type: tcp, expect: {hex: ^""}', "error: virtual-servers[0].probe.expect.hex: is empty"],
  [
    "type: tls, tls: {^verify: none}",
    "error: virtual-servers[0].probe.tls.verify: type tls has no key tls.verify; write verify, without tls",
  ],
  ["type: tls, min-days-left: ^4000", "error: virtual-servers[0].probe.min-days-left: 4000 is more than 3650"],
  [
    "type: http, scheme: http, tls: {min-days-left: ^7}",
    "error: virtual-servers[0].probe.tls.min-days-left: the scheme http has no TLS",
  ],
  ["type: tls, alpn: ^7", "error: virtual-servers[0].probe.alpn: expected a word or a list of words, got 7"],
  ["type: tls, server-name: ^a b", 'error: virtual-servers[0].probe.server-name: "a b" is no name of a host'],
];

const inRealServers: Rows = [
  [
    "10.0.0.2:80, ^10.0.0.2:80",
    "error: virtual-servers[0].real-servers[1]: 10.0.0.2:80 is listed twice, first in line 3",
  ],
  [
    "^10.0.0.1:80",
    "error: virtual-servers[0].real-servers[0]: 10.0.0.1:80 is its own virtual server: packets would go round",
  ],
  [
    '^"[fd00::1]:80"',
    "error: virtual-servers[0].real-servers[0]: an IPv4 virtual server reaches IPv6 real servers only in data-plane userspace",
  ],
  [
    "^[fd00::1]",
    "error: virtual-servers[0].real-servers[0]: expected IP:port, or keys such as address, got a list; write an IPv6 address in quotes: a bracket begins a list",
  ],
  [
    "^10.0.0.2",
    'error: virtual-servers[0].real-servers[0]: "10.0.0.2" is not an address with a port; write it as IP:port',
  ],
  [
    "^10.0.0.2:80:3",
    'error: virtual-servers[0].real-servers[0]: "10.0.0.2:80:3" has more than one port; its weight has a key: {address: 10.0.0.2:80, weight: 3}',
  ],
  [
    "{address: ^10.0.0.2:80:81:82}",
    'error: virtual-servers[0].real-servers[0].address: "10.0.0.2:80:81:82" has more than one port; write it as IP:port',
  ],
  [
    "{^ip: 10.0.0.2, port: 80}",
    "error: virtual-servers[0].real-servers[0].ip: unknown key ip; did you mean address: 10.0.0.2:80?",
  ],
  [
    '{weight: 1, port: 80, ^host: "fd00::2"}',
    'error: virtual-servers[0].real-servers[0].host: unknown key host; did you mean address: "[fd00::2]:80"?',
  ],
  [
    "{address: 10.0.0.2, ^port: 80}",
    "error: virtual-servers[0].real-servers[0].port: unknown key port; did you mean address: 10.0.0.2:80?",
  ],
  ["^10.0.0.2:0", 'error: virtual-servers[0].real-servers[0]: "10.0.0.2:0" needs a port from 1 to 65535'],
  ["^224.0.0.1:80", "error: virtual-servers[0].real-servers[0]: 224.0.0.1:80 is no address of a single server"],
  ["^{weight: 1}", "error: virtual-servers[0].real-servers[0]: needs an address"],
  ["{address: 10.0.0.2:80, weight: ^0}", "error: virtual-servers[0].real-servers[0].weight: 0 is less than 1"],
  [
    "{address: 10.0.0.2:80, drained: ^1}",
    "error: virtual-servers[0].real-servers[0].drained: expected true or false, got 1",
  ],
  [
    "{address: 10.0.0.2:80, ^wieght: 1}",
    "error: virtual-servers[0].real-servers[0].wieght: unknown key wieght; did you mean weight?",
  ],
  [
    "{address: 10.0.0.2:80, weight: ^3}",
    "warning: virtual-servers[0].real-servers[0].weight: rr heeds no weights: 3 acts as 1; wrr would heed them",
  ],
  [
    "{address: 10.0.0.2:80, name: a}, {address: 10.0.0.3:80, name: ^a}",
    "error: virtual-servers[0].real-servers[1].name: a is already the name of a real server in line 3",
  ],
];

/** Slips in YAML's own structure, in the lines after the version; the place is that of the whole file. */
const structure: readonly (readonly [told: string, ...lines: string[]])[] = [
  [
    "3:3: implicit keys need to be on a single line; a blank is missing after :",
    "virtual-servers:",
    "- address:169.254.0.1:80",
    "  probe: {type: http}",
  ],
  [
    "4:3: implicit keys need to be on a single line; a blank is missing after -",
    "virtual-servers:",
    "- real-servers:",
    "  -127.0.0.1:8081",
    "  - 127.0.0.1:8082",
  ],
  [
    "4:3: implicit keys need to be on a single line; a : is missing after it",
    "virtual-servers:",
    "- address: 169.254.0.1:80",
    "  real-servers",
    "  - 127.0.0.1:8081",
  ],
  [
    "2:1: implicit keys need to be on a single line; a blank is missing after : or -, or the : itself",
    "logger INFO",
    "virtual-servers: []",
  ],
  [
    "4:3: implicit map keys need to be followed by map values; a : is missing after it",
    "virtual-servers:",
    "- address: 169.254.0.1:80",
    "  real-servers",
  ],
  [
    "5:1: sequence item without - indicator; a blank is missing after -",
    "virtual-servers:",
    "-",
    "  address: 169.254.0.1:80",
    " -address: 169.254.0.1:81",
  ],
  [
    "3:12: nested mappings are not allowed in compact mappings; this line or the next is indented otherwise than its neighbours",
    "virtual-servers:",
    "- address: 169.254.0.1:80",
    "   probe: {type: http}",
  ],
  [
    "5:1: all mapping items must start at the same column",
    "virtual-servers:",
    "- address: 169.254.0.1:80",
    "  probe: {type: http}",
    "   fall: 2",
  ],
  [
    "3:9: nested mappings are not allowed in compact mappings; write it in quotes: a colon with a blank makes it a key",
    "virtual-servers:",
    "- name: web: 1",
  ],
  [
    "5:1: a block sequence may not be used as an implicit map key; items of one list begin in the same column",
    "virtual-servers:",
    "- real-servers:",
    "   - 127.0.0.1:8081",
    "  - 127.0.0.1:8082",
  ],
  ["2:9: plain value cannot start with reserved character @; write it in quotes", "logger: @info"],
  [
    '3:12: " is not closed',
    "virtual-servers:",
    '- address: "169.254.0.1:80',
    "  probe: {type: http}",
    "  real-servers: [127.0.0.1:8081]",
  ],
  [
    '3:12: " is not closed',
    "virtual-servers:",
    '- address: "169.254.0.1:80',
    "  probe: {type: http}",
    '  real-servers: ["127.0.0.1:8081"]',
  ],
  ["3:9: ' is not closed", "virtual-servers:", "- name: 'web", "  address: 169.254.0.1:80"],
  ['3:13: " is not closed', "virtual-servers:", '- {address: "169.254.0.1:80, probe: {type: http}}'],
  ['2:1: " is not closed', '"logger: INFO', "virtual-servers: []"],
  [
    "2:15: comments must be separated from other tokens by white space characters",
    'logger: "INFO"#x',
    "virtual-servers: []",
  ],
  ["2:39: missing , or : between flow sequence items", 'virtual-servers: [{address: "x"}, "a" "b"]'],
];

const whole: readonly [what: string, text: string, lines: readonly string[]][] = [
  ["nothing", "", ["f.yaml:1:1: error: the file is empty"]],
  ["a text", "hello", ['f.yaml:1:1: error: expected keys with values, got "hello"']],
  ["no version", `virtual-servers:\n- {address: 10.0.0.1:80, ${SERVERS}}`, ["f.yaml:1:1: error: needs version: 1"]],
  [
    "a later version, and what that may have",
    "version: 2\nnew: 1",
    ["f.yaml:1:10: error: version: 2 is later than 1, the version that this LVScare reads"],
  ],
  [
    "the version in quotes, and all that is wrong besides",
    'version: "1"\nloger: INFO\n',
    [
      "f.yaml:1:1: error: needs virtual-servers",
      'f.yaml:1:10: error: version: expected 1, got "1"; write it without quotes',
      "f.yaml:2:1: error: loger: unknown key loger; did you mean logger?",
    ],
  ],
  ["a later version in quotes", 'version: "2"\nnew: 1\n', ['f.yaml:1:10: error: version: expected 1, got "2"']],
  ["a NUL", 'version: 1\nlogger: "a\0"\n', ["f.yaml:2:11: error: a NUL is no part of a text"]],
  [
    "a bracket that is open at the end",
    "version: 1\nvirtual-servers:\n- {address: 10.0.0.1:80, probe: {type: tcp},\n",
    ["f.yaml:3:3: error: this is no YAML: { is not closed"],
  ],
  [
    "a bracket that is open where a list goes on",
    "version: 1\nvirtual-servers:\n- {address: 10.0.0.1:80, probe: {type: tcp}\n- {}\n",
    ["f.yaml:3:3: error: this is no YAML: { is not closed"],
  ],
  [
    "a comment in JSON",
    '{"version": 1,\n  // web\n"virtual-servers": []}',
    ["f.yaml:2:3: error: this is no YAML: comments are no part of JSON; of YAML they are, after #"],
  ],
  [
    "a number that has no unit where there is a rate",
    fileWith(SERVERS, "checks-per-server: 50\n"),
    ["f.yaml:2:20: error: checks-per-server: expected a rate such as 50/s, got 50"],
  ],
  [
    "an expectation that is wrong, and how much it may take",
    fileWith("probe: {type: tcp, expect: {regex: '(', within: 5}}, real-servers: [10.0.0.2:80]"),
    ['f.yaml:3:61: error: virtual-servers[0].probe.expect.regex: "(" at character 1 is not closed'],
  ],
  [
    "no virtual server, and nothing that includes one",
    "version: 1\ninclude: [none/*.yaml]",
    ["f.yaml:1:1: error: needs virtual-servers; the files of include have none, either"],
  ],
  ["no virtual server", "version: 1", ["f.yaml:1:1: error: needs virtual-servers"]],
  [
    "an empty list",
    "version: 1\nvirtual-servers: []",
    ["f.yaml:2:18: error: virtual-servers: needs at least one virtual server"],
  ],
  [
    "two documents",
    "version: 1\n---\nversion: 1\n",
    ["f.yaml:2:1: error: another document begins here; a configuration is one"],
  ],
  [
    "an IPv6 address without quotes",
    "version: 1\nvirtual-servers:\n- address: [fd00::1]:80\n",
    ["f.yaml:3:21: error: this is no YAML: unexpected scalar at node end; write it in quotes: a bracket begins a list"],
  ],
  [
    "an indentation of tabs",
    "version: 1\nvirtual-servers:\n\t- a\n",
    ["f.yaml:3:1: error: this is no YAML: tabs are not allowed as indentation"],
  ],
  [
    "a key twice in a block",
    `version: 1\nvirtual-servers:\n- address: 10.0.0.1:80\n  fall: 2\n  ${SERVERS.replaceAll(", real", "\n  real")}\n  fall: 3\n`,
    ["f.yaml:7:3: error: virtual-servers[0].fall: given twice, first in line 4"],
  ],
  [
    "a key twice in JSON",
    `{"version": 1,\n"virtual-servers": [{"address": "10.0.0.1:80", "probe": {"type": "http"},\n"real-servers": ["10.0.0.2:80"], "address": "10.0.0.1:80"}]}`,
    ["f.yaml:3:34: error: virtual-servers[0].address: given twice, first in line 2"],
  ],
  [
    "a merge key",
    `version: 1\ndefaults: &d {fall: 2}\nvirtual-servers:\n- <<: *d\n  address: 10.0.0.1:80\n  probe: {type: http}\n  real-servers: [10.0.0.2:80]\n`,
    ['f.yaml:4:3: error: virtual-servers[0]["<<"]: << is refused; write the keys out, or put them under defaults'],
  ],
  [
    "a virtual server twice",
    `version: 1\nvirtual-servers:\n- {name: web, address: 10.0.0.1:80, ${SERVERS}}\n- {address: 10.0.0.1:80, ${SERVERS}}\n`,
    ['f.yaml:4:13: error: virtual-servers[1].address: tcp 10.0.0.1:80 is already virtual server "web" in line 3'],
  ],
  [
    "a name twice",
    `version: 1\nvirtual-servers:\n- {name: web, address: 10.0.0.1:80, ${SERVERS}}\n- {name: web, address: 10.0.0.1:81, ${SERVERS}}\n`,
    ["f.yaml:4:10: error: virtual-servers[1].name: web is already the name of a virtual server in line 3"],
  ],
  [
    "no address",
    `version: 1\nvirtual-servers:\n- {${SERVERS}}\n`,
    ["f.yaml:3:3: error: virtual-servers[0]: needs an address"],
  ],
  [
    "an address that only the kernel cannot balance",
    `version: 1\nvirtual-servers:\n- {address: 127.0.0.1:80, data-plane: ipvs, ${SERVERS}}\n`,
    [
      "f.yaml:3:13: warning: virtual-servers[0].address: 127.0.0.1 as virtual address works in data-plane userspace alone, but for real servers of this host",
    ],
  ],
  [
    "bad options of the process",
    fileWith(SERVERS, "logger: LOUD\nhttp-listen: 70000\nlog-format: [x]\n"),
    [
      'f.yaml:2:9: error: logger: "LOUD" is neither INFO nor DEBG',
      'f.yaml:3:14: error: http-listen: "70000" needs a port from 1 to 65535',
      "f.yaml:4:13: error: log-format: expected one of text, json, got a list",
    ],
  ],
  [
    "bad defaults, once for all virtual servers",
    `version: 1\ndefaults: {fall: 0, address: 10.0.0.1:80, ${SERVERS.split(", ")[0]}}\nvirtual-servers:\n- {address: 10.0.0.1:80, real-servers: [10.0.0.2:80]}\n- {address: 10.0.0.1:81, real-servers: [10.0.0.2:80]}\n`,
    [
      "f.yaml:2:18: error: defaults.fall: 0 is less than 1",
      "f.yaml:2:21: error: defaults.address: unknown key address",
    ],
  ],
  [
    "a bad probe that nobody uses",
    fileWith(SERVERS, "probes: {web: {type: http, timeout: 0}}\n"),
    ["f.yaml:2:37: error: probes.web.timeout: 0s is less than 1ms"],
  ],
  [
    "letters of more than two bytes before a place",
    `version: 1\nvirtual-servers: [{"address": "10.0.0.1:80", probe: {type: http, body: "ä😀", pathh: 1}, real-servers: [10.0.0.2:80]}]`,
    ["f.yaml:2:78: error: virtual-servers[0].probe.pathh: unknown key pathh; did you mean path?"],
  ],
  [
    "an alias: its own place, and below it that of what it stands for",
    `version: 1\nprobes: {a: &p {type: http, mode: no}}\nvirtual-servers:\n- {address: 10.0.0.1:80, probe: *p, real-servers: &r [10.0.0.2:80, x]}\n- {address: 10.0.0.1:81, probe: {type: http}, real-servers: *r, fall: *r}\n`,
    [
      "f.yaml:2:29: error: probes.a.mode: unknown key mode; mode stands under a virtual server or defaults",
      "f.yaml:2:29: error: virtual-servers[0].probe.mode: unknown key mode; mode stands under a virtual server or defaults",
      'f.yaml:4:68: error: virtual-servers[0].real-servers[1]: "x" is not an address with a port; write it as IP:port',
      'f.yaml:4:68: error: virtual-servers[1].real-servers[1]: "x" is not an address with a port; write it as IP:port',
      "f.yaml:5:71: error: virtual-servers[1].fall: expected a whole number, got a list",
    ],
  ],
];

describe("what is wrong is told with its place", () => {
  test.each(inServer)("of a virtual server: %s", (keys, told) => expectTold(`${SERVERS}, ${keys}`, told));
  test.each([...misspelt, ...othersWords])("of a key that is called otherwise, once: %s", async (told, text) => {
    const [path = "", meant] = told.split(": ");
    expect(await linesOf(text)).toEqual([
      expect.stringContaining(`: error: ${path}: unknown key ${path.split(".").at(-1)}; did you mean ${meant}?`),
    ]);
  });
  test.each(instead)("of what a virtual server needs: %s", expectTold);
  test.each([...inProbe, ...inProbeOfPages])("of a probe: %s", (keys, told) =>
    expectTold(`probe: {type: http, ${keys}}, real-servers: [10.0.0.2:80]`, told),
  );
  test.each(inOtherKinds)("of another kind of probe: %s", (keys, told) =>
    expectTold(`probe: {${keys}}, real-servers: [10.0.0.2:80]`, told),
  );
  test.each(inRealServers)("of real servers: %s", (servers, told) =>
    expectTold(`probe: {type: http}, real-servers: [${servers}]`, told),
  );
  test.each(whole)("of a file: %s", async (_, text, lines) => expect(await linesOf(text)).toEqual([...lines]));

  test.each(structure.map(([told, ...lines]) => [told, lines] as const))(
    "of YAML's structure: %s",
    async (told, lines) => {
      const [, at = "", what = ""] = /^(\d+:\d+): (.*)$/.exec(told) ?? [];
      const text = `version: 1\n${lines.join("\n")}\n`;
      expect(await linesOf(text)).toEqual([`f.yaml:${at}: error: this is no YAML: ${what}`]);
    },
  );

  test("all of it at once, the first hundred", async () => {
    const keys = Array.from({ length: 120 }, (_, index) => `  key-${index}: 1\n`).join("");
    const lines = await linesOf(`version: 1\nvirtual-servers:\n- address: x\n${keys}`);
    expect(lines).toHaveLength(101);
    expect(lines[0]).toBe(
      "f.yaml:3:3: error: virtual-servers[0]: needs a probe; {type: http} is the least (asks over TLS; scheme: http for plain)",
    );
    expect(lines.at(-1)).toBe("… and 23 more");
  });

  test("a value that is secret is not shown", async () => {
    const lines = await linesOf(
      fileWith(`probe: {type: http, headers: {A: "sec\\nret", B: {x: secret}}}, real-servers: [10.0.0.2:80]`),
    );
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toMatch(/sec|ret\b/);
  });
});

describe("what is included", () => {
  const included = `virtual-servers:\n- {address: 10.0.0.1:81, probe: web, real-servers: [10.0.0.2:80], fall: 0}\n`;

  test("may use the probes of all, and has its own name in problems", async () => {
    const text = fileWith(`probe: own, real-servers: [10.0.0.2:80]`, "probes: {web: {type: http}}\n");
    expect(await linesOf(text, { "conf.d/b.yaml": `probes: {own: {type: http}}\n${included}` })).toEqual([
      "conf.d/b.yaml:3:73: error: virtual-servers[0].fall: 0 is less than 1",
    ]);
  });

  test("of files that are included: those that are commented out, and empty lists, are nothing", async () => {
    const parked = { "a.yaml": "# virtual-servers:\n# - name: web\n", "b.yaml": "virtual-servers: []\n" };
    expect(await linesOf(fileWith(SERVERS), parked)).toEqual([]);
    expect(
      await linesOf("version: 1\nvirtual-servers: []\n", {
        "c.yaml": `virtual-servers: [{address: 10.0.0.1:80, ${SERVERS}}]\n`,
      }),
    ).toEqual([]);
    // Half of what is being written, perhaps.
    expect(await linesOf(fileWith(SERVERS), { "a.yaml": "\n" })).toEqual(["a.yaml:1:1: error: the file is empty"]);
  });

  test("has virtual servers and probes alone, and none that there is already", async () => {
    const text = fileWith(SERVERS, "probes: {web: {type: http}}\n");
    const more = `version: 1\ninclude: [x]\nprobes: {web: {type: http}}\nvirtual-servers:\n- {address: 10.0.0.1:80, ${SERVERS}}\n`;
    expect(await linesOf(text, { "b.yaml": more })).toEqual([
      "b.yaml:1:1: error: version: unknown key version",
      "b.yaml:2:1: error: include: unknown key include",
      "b.yaml:3:10: error: probes.web: there is a probe web already, in line 2 of f.yaml",
      "b.yaml:5:13: error: virtual-servers[0].address: tcp 10.0.0.1:80 is already a virtual server in line 4 of f.yaml",
    ]);
  });
});

describe("limits", () => {
  test("10,000 virtual servers and 100,000 real servers", async () => {
    const many = Array.from({ length: 10_001 }, () => "{}").join();
    expect(await linesOf(`{"version": 1, "virtual-servers": [${many}]}`)).toEqual([
      "f.yaml:1:1: error: 10001 virtual servers are more than 10000",
    ]);
    const servers = Array.from({ length: 100_001 }, () => '"x"').join();
    expect(await linesOf(`{"version": 1, "virtual-servers": [{"real-servers": [${servers}]}]}`)).toEqual([
      "f.yaml:1:1: error: 100001 real servers are more than 100000",
    ]);
  });

  const bomb = [
    "a: &a0 [x, x, x, x, x, x, x, x, x]",
    ...Array.from({ length: 9 }, (_, at) => `b${at}: &a${at + 1} [${Array(9).fill(`*a${at}`).join()}]`),
  ].join("\n");
  test.each([
    ["aliases that grow", bomb, "it has more than 2000000 values, aliases included"],
    ["an alias within itself", "a: &a [*a]", "it is nested more than 16 deep"],
    ["17 levels", `${"[".repeat(17)}${"]".repeat(17)}`, "it is nested more than 16 deep"],
    ["100,000 levels", "[".repeat(100_000), "it is nested more than 16 deep"],
    ["100,000 levels of JSON", '{"a":'.repeat(100_000), "it is nested more than 16 deep"],
  ])("of depth and number: %s", async (_, text, message) => {
    expect(await linesOf(text)).toEqual([`f.yaml:1:1: error: ${message}`]);
  });

  test("16 levels are no problem of their own", async () => {
    expect(await linesOf(`${"[".repeat(16)}${"]".repeat(16)}`)).toEqual([
      "f.yaml:1:1: error: expected keys with values, got a list",
    ]);
  });
});

describe("what is good", () => {
  const text = `
version: 1
http-listen: 9105
logger: DEBG
defaults:
  fall: 2
  interval: 3s
  weight: 5
  scheduler: wrr
  probe: {type: http, path: /ready, timeout: 2, headers: {A: a, B: [b, c]}, tls: {verify: full}}
  persistence: {timeout: 5m, prefix: 24}
probes:
  web: {type: http, scheme: http, host: shop.example.org, expect: {status: [200-299, 401]}}
virtual-servers:
- name: web
  address: 10.0.0.1:80
  fall: null
  weight: null
  panic-threshold: 50%
  persistence: {prefix-ipv6: 64}
  probe: {path: null, headers: {A: null}, fresh-connection: true}
  real-servers:
  - 10.0.0.2:80
  - {address: 10.0.0.3:80, weight: 3, name: three, drained: true}
  - {address: 10.0.0.4:80, weight: null}
- address: "[fd00::1]:80"
  interval: 500ms
  probe: web
  persistence: {prefix-ipv6: 64}
  real-servers: ["[fd00::2]:80"]
- {address: 10.0.0.1:81, persistence: null, real-servers: [10.0.0.2:80, {address: 10.0.0.3:80, weight: null}]}
`;

  test("takes what the file leaves out from defaults, and from what is built in", async () => {
    const { reading, lines } = await read(text);
    expect(lines).toEqual([]);
    const { log, httpListen, virtualServers: [web, six, plain] = [] } = reading.config ?? {};
    expect([log?.level, httpListen && formatEndpoint(httpListen)]).toEqual(["debug", "127.0.0.1:9105"]);
    expect(web).toMatchObject({
      name: "web",
      service: { scheduler: "wrr", flags: ["persistent"], persistenceTimeoutS: 300, persistencePrefix: 24 },
      policy: {
        ...PLAIN_HEALTH_POLICY,
        intervalMs: 3000,
        fastIntervalMs: 3000,
        downIntervalMs: 3000,
        panicThreshold: 50,
      },
      probe: {
        path: "/healthz",
        timeoutMs: 2000,
        tls: { verify: "full" },
        freshConnection: true,
        headers: [
          ["B", "b"],
          ["B", "c"],
        ],
      },
      realServerNames: new Map([["10.0.0.3:80", "three"]]),
      drained: new Set(["10.0.0.3:80"]),
    });
    expect(web?.realServers.map(({ weight }) => weight)).toEqual([1, 3, 1]);
    expect(six).toMatchObject({
      name: undefined,
      service: { persistenceTimeoutS: 300, persistencePrefix: 64 },
      policy: { fall: 2, intervalMs: 500 },
      probe: {
        scheme: "http",
        path: "/healthz",
        tls: { verify: "none" },
        headers: [["Host", "shop.example.org"]],
        acceptStatus: [],
        onlyStatus: [
          [200, 299],
          [401, 401],
        ],
        connectTimeoutMs: 500,
      },
    });
    expect(six?.realServers.map(({ weight }) => weight)).toEqual([5]);
    expect(plain).toMatchObject({ service: { flags: [], persistenceTimeoutS: 0, persistencePrefix: 32 } });
    expect(plain?.realServers.map(({ weight }) => weight)).toEqual([5, 1]);
  });

  test.each([200, "204", "200-299", "100-499"])("one status is a list of it: %p", async (status) => {
    const statusesOf = async (value: unknown): Promise<unknown> => {
      const probe = `probe: {type: http, expect: {status: ${JSON.stringify(value)}}}`;
      const { reading, lines } = await read(fileWith(`${probe}, real-servers: [10.0.0.2:80]`));
      expect(lines).toEqual([]);
      return reading.config?.virtualServers[0]?.probe;
    };
    expect(await statusesOf(status)).toEqual(await statusesOf([status]));
  });

  test("means the same as JSON", async () => {
    const { reading } = await read(text);
    const asJson = await read(JSON.stringify(Bun.YAML.parse(text), undefined, "\t"));
    expect(asJson.lines).toEqual([]);
    expect(asJson.reading.config).toEqual(reading.config);
  });
});

/** Expects one line, with the place of the caret. */
async function expectTold(keys: string, told: string): Promise<void> {
  const [line = ""] = fileWith(keys).split("\n").slice(2);
  const column = line.includes("^") ? line.indexOf("^") + 1 : 3;
  expect(await linesOf(fileWith(keys.replace("^", "")))).toEqual([`f.yaml:3:${column}: ${told}`]);
}
