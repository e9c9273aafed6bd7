import type { CareEvent } from "../../src/domain/events.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import type { Operation } from "../../src/domain/plan.ts";
import { realServer } from "../../src/domain/virtual-server.ts";

type EventKinds = {
  readonly [Type in CareEvent["type"]]: {
    /** One clause. */
    readonly when: string;
    readonly example: Extract<CareEvent, { readonly type: Type }>;
  };
};

const [first, second] = ["10.0.0.2:80", "10.0.0.3:80"] as const;
const lowered: Operation = {
  kind: "server.update",
  server: realServer(parseEndpoint(first), 0),
  from: realServer(parseEndpoint(first), 1),
};
const failed = { passed: false, reason: "connect refused", latencyMs: 0.4, unreachable: true } as const;

/** Every kind of event, with one of it: what a line of it looks like comes from the log itself. */
export const EVENT_KINDS: EventKinds = {
  "virtualServer.adopted": {
    when: "the daemon took the virtual server over, or is to make it",
    example: { type: "virtualServer.adopted", states: { [first]: "healthy", [second]: "draining" }, existed: true },
  },
  "virtualServer.configured": {
    when: "it goes on with another configuration",
    example: {
      type: "virtualServer.configured",
      change: {
        added: [second],
        removed: [],
        weights: [],
        edited: [],
        drained: [],
        undrained: [],
        policy: [],
      },
      probe: false,
      returned: false,
    },
  },
  "virtualServer.withdrawn": {
    when: "it is no longer in the configuration",
    example: { type: "virtualServer.withdrawn", servers: 2 },
  },
  "virtualServer.emptied": {
    when: "no real server is left in service",
    example: { type: "virtualServer.emptied", virtualServer: "tcp 10.0.0.1:80" },
  },
  "virtualServer.refilled": {
    when: "that is over",
    example: { type: "virtualServer.refilled", virtualServer: "tcp 10.0.0.1:80" },
  },
  "realServer.healthChanged": {
    when: "a real server changed its state",
    example: {
      type: "realServer.healthChanged",
      server: first,
      from: "healthy",
      to: "draining",
      reason: "connect refused",
      verdict: failed,
    },
  },
  "realServer.probed": {
    when: "it was checked; good checks are not remembered, and a failure that stays the same is told once",
    example: { type: "realServer.probed", server: first, verdict: failed },
  },
  "realServer.unchecked": {
    when: "this host lacked the means for a check",
    example: { type: "realServer.unchecked", server: first, reason: "no file descriptors are left" },
  },
  "realServer.unanswered": {
    when: "neither its clients nor a check get an answer",
    example: { type: "realServer.unanswered", server: first, afterMs: 100 },
  },
  "realServer.answered": { when: "it answers again", example: { type: "realServer.answered", server: first } },
  "realServer.held": {
    when: "an operator drained or weighted it, or ended that",
    example: { type: "realServer.held", server: first, hold: { since: "2026-01-01T00:00:00Z", drained: true } },
  },
  "realServer.asked": {
    when: "its check asks for something besides health",
    example: { type: "realServer.asked", server: first, asks: "drained", reason: "drain" },
  },
  "realServer.unlisted": {
    when: "it was in the table, and nobody lists it",
    example: { type: "realServer.unlisted", server: "10.0.0.9:80", weight: 1 },
  },
  "realServer.departed": {
    when: "it left the configuration and has drained",
    example: { type: "realServer.departed", server: second },
  },
  "realServer.restarted": {
    when: "its checks broke: a fault of LVScare",
    example: { type: "realServer.restarted", server: first, error: new Error("a bug") },
  },
  "agent.expired": {
    when: "its agent was not heard for too long",
    example: { type: "agent.expired", server: first, reason: "the agent was not heard for 20s" },
  },
  "agent.heard": { when: "it is heard again", example: { type: "agent.heard", server: first } },
  "probe.suspicious": {
    when: "a changed probe would take out every real server, and so decides nothing",
    example: { type: "probe.suspicious", servers: [first, second], reason: "status 404" },
  },
  "probe.accepted": {
    when: "a changed probe decides from now on",
    example: { type: "probe.accepted", passed: 2, failed: 0 },
  },
  "plan.applied": {
    when: "something was written to the table; what repairs changes by others is a warning",
    example: { type: "plan.applied", operations: [lowered], repairs: [lowered], complete: true },
  },
  "plan.failed": {
    when: "something could not be written",
    example: {
      type: "plan.failed",
      error: new LvscareError("KERNEL_REFUSED", "the kernel refused with ENOMEM", { operation: "add real server" }),
      attempt: 1,
      retryInMs: 1000,
    },
  },
  "repairs.recurring": {
    when: "others undo the daemon's work again and again",
    example: { type: "repairs.recurring", repairs: 5, withinMs: 60_000, last: [lowered] },
  },
  "failOpen.entered": {
    when: "too few real servers are healthy, so health is ignored",
    example: { type: "failOpen.entered", healthy: 1, total: 3, retained: [first] },
  },
  "failOpen.left": { when: "that is over", example: { type: "failOpen.left", healthy: 2, total: 3 } },
  "lastResort.entered": {
    when: "none is healthy, so those stay that accept connections",
    example: { type: "lastResort.entered", total: 3, retained: [first, second] },
  },
  "lastResort.left": { when: "that is over", example: { type: "lastResort.left", healthy: 1, total: 3 } },
  "certificate.expiring": {
    when: "a certificate has 30, 7 or 1 days left, or none; once each",
    example: {
      type: "certificate.expiring",
      server: first,
      subject: "web.example.org",
      issuer: "Example CA",
      notAfter: "2026-02-01T00:00:00Z",
      days: 7,
    },
  },
  "process.stalled": {
    when: "the daemon got no turn for half a second or more",
    example: { type: "process.stalled", forMs: 1500 },
  },
  "reach.established": {
    when: "something by which this host reaches the virtual address is as it should be",
    example: { type: "reach.established", object: "route 10.0.0.1/32 via 192.168.0.10 metric 50", made: true },
  },
  "reach.repaired": {
    when: "others had changed it",
    example: { type: "reach.repaired", object: "sysctl net/ipv4/vs/expire_nodest_conn=1", deviation: "is 0" },
  },
  "reach.left": {
    when: "it is not as it should be, and this process may not or need not change it",
    example: {
      type: "reach.left",
      object: "sysctl net/ipv4/vs/sloppy_tcp=1",
      deviation: "is 0",
      error: new LvscareError("NOT_PERMITTED", "this process may not (EROFS)", { operation: "set it" }),
    },
  },
  "reach.failed": {
    when: "it could not be made so",
    example: {
      type: "reach.failed",
      object: "route 10.0.0.1/32 via 192.168.0.10 metric 50",
      error: new LvscareError("KERNEL_REFUSED", "the kernel refused with ENETUNREACH", { operation: "add the route" }),
    },
  },
  "reach.unwatched": {
    when: "the kernel does not tell of changes of this host",
    example: {
      type: "reach.unwatched",
      error: new LvscareError("KERNEL_REFUSED", "the kernel refused with EPERM", { operation: "listen for changes" }),
    },
  },
  "way.answers": {
    when: "a connection through the virtual address was answered; again is INFO",
    example: { type: "way.answers", latencyMs: 0.4, again: false },
  },
  "way.lost": {
    when: "it was not, although somebody is in service",
    example: { type: "way.lost", problem: "no answer within 1s" },
  },
  "way.untried": {
    when: "it could not be tried: a fault of LVScare",
    example: { type: "way.untried", error: new Error("a bug") },
  },
  "members.listed": {
    when: "a source tells of another list of members",
    example: { type: "members.listed", source: "file /run/shop/members", added: [second], removed: [], total: 3 },
  },
  "members.kept": {
    when: "it tells of fewer, and these stay all the same",
    example: { type: "members.kept", source: "file /run/shop/members", guard: "empty", servers: [first, second] },
  },
  "members.ignored": {
    when: "one that it tells of cannot be a real server",
    example: {
      type: "members.ignored",
      source: "file /run/shop/members",
      server: "127.0.0.1:80",
      reason: "is an address of loopback",
    },
  },
  "members.missed": {
    when: "it cannot be read",
    example: { type: "members.missed", source: "file /run/shop/members", reason: "no such file" },
  },
  "members.found": {
    when: "it can be read again",
    example: { type: "members.found", source: "file /run/shop/members" },
  },
  "members.recalled": {
    when: "nobody of the list serves, so earlier members are checked, too",
    example: { type: "members.recalled", source: "file /run/shop/members", servers: [first] },
  },
  "members.dismissed": {
    when: "that is over",
    example: { type: "members.dismissed", source: "file /run/shop/members" },
  },
  "members.drained": {
    when: "an operator drains these addresses on every node of the cluster",
    example: {
      type: "members.drained",
      source: "service default/kubernetes",
      addresses: ["10.0.0.2"],
      by: "root@jump",
    },
  },
  "members.undrained": {
    when: "that is over",
    example: { type: "members.undrained", source: "service default/kubernetes", addresses: ["10.0.0.2"] },
  },
  "members.unkept": {
    when: "the list could not be written down, or read again",
    example: { type: "members.unkept", reason: "members are not remembered: no space left on the device" },
  },
  "config.applied": {
    when: "the configuration file was read again and taken over",
    example: { type: "config.applied", file: "/etc/lvscare.yaml", changes: ["shop: real server 10.0.0.3:80 added"] },
  },
  "config.unchanged": {
    when: "it says what it said before",
    example: { type: "config.unchanged", file: "/etc/lvscare.yaml" },
  },
  "config.doubted": {
    when: "virtual servers are missing in it by a change that nobody asked for: they stay until it was read a second time",
    example: { type: "config.doubted", file: "/etc/lvscare.yaml", lost: ["tcp 10.0.0.1:80 (shop)"], againMs: 5000 },
  },
  "config.rejected": {
    when: "it has an error, and changes nothing",
    example: {
      type: "config.rejected",
      file: "/etc/lvscare.yaml",
      problem: "/etc/lvscare.yaml:4:3: error: virtual-servers[0].fall: 0 is less than 1",
      problems: 1,
    },
  },
};
