import { formatDuration } from "../../domain/duration.ts";
import { formatEndpoint, hostCidr, type Endpoint } from "../../domain/endpoint.ts";
import { note, ok, problem, unknown, type Finding } from "../../domain/finding.ts";
import { pinning } from "./pinning.ts";
import { about, type Subject, type SubjectServer } from "./subject.ts";
import {
  inService,
  triedServers,
  type Attempt,
  type ConnectionReadings,
  type TrialConnection,
} from "./try-connections.ts";

/**
 * Whether each real server in service serves clients of this host, and if not, whether the server or the way to it is
 * at fault.
 */
export function judgeConnections(subject: Subject, readings: ConnectionReadings): Finding[] {
  const tried = triedServers(subject);
  const whole = judgeVirtualServer(subject, readings);
  // Where no connection gets through, only each real server's own state is left to report.
  const isThrough = whole.every(({ state }) => state === "ok" || state === "unknown");
  const rest = subject.realServers.length - tried.length;
  return [
    ...whole,
    ...tried.map((server) => judgeServer(server, subject, readings, isThrough)),
    ...(rest > 0 ? [unknown("connection", `${rest} more real servers were not tried`, about(subject))] : []),
  ];
}

// --- internal ---

function judgeVirtualServer(subject: Subject, { trials }: ConnectionReadings): Finding[] {
  const { service, plane, daemon } = subject;
  const name = formatEndpoint(service.endpoint);
  if (plane === undefined) {
    const servers = subject.realServers.map(({ endpoint }) => formatEndpoint(endpoint)).join(",") || "IP:port";
    return [
      note(
        "connection",
        "it is not set up here yet, so no connection through it was tried",
        `\`lvscare care --vs ${name} --rs ${servers}\` sets it up`,
        about(subject),
      ),
    ];
  }
  if (inService(subject).length === 0) {
    const why = daemon === undefined ? `\`lvscare care --vs ${name} --rs IP:port\`` : `\`lvscare status --vs ${name}\``;
    const what = daemon === undefined ? "fills it" : "tells why";
    return [
      problem("connection", "no real server is in service: clients are not served", `${why} ${what}`, about(subject)),
    ];
  }
  const failures = trials.flatMap(({ failure }) => failure ?? []);
  const isSeen = trials.some(({ reached }) => reached !== undefined);
  if (plane === "userspace" || trials.length === 0 || isSeen) {
    if (plane !== "userspace" || failures.length === 0) return [];
    const remedy = `\`lvscare status --vs ${name}\` shows whether the daemon still answers`;
    return [problem("connection", `the daemon's proxy cannot be connected to: ${failures[0]}`, remedy, about(subject))];
  }
  return [unseen(subject, failures)];
}

/** IPVS has none of the connections in its list. */
function unseen(subject: Subject, failures: readonly string[]): Finding {
  const { address, port } = subject.service.endpoint;
  const [failure] = failures;
  if (failure === undefined) {
    return problem(
      "connection",
      "connections are accepted, but not by way of IPVS: something else answers here",
      `find it with \`ss -ltnp 'sport = :${port}'\` and \`nft list ruleset | grep ${address}\``,
      about(subject),
    );
  }
  return problem(
    "connection",
    `connections through it do not get as far as IPVS: ${failure}`,
    `see where they go: \`ip route get ${address}\`, and what may drop them: \`nft list ruleset\`, \`iptables-legacy-save\``,
    about(subject),
  );
}

function judgeServer(
  server: SubjectServer,
  subject: Subject,
  readings: ConnectionReadings,
  isThrough: boolean,
): Finding {
  const address = formatEndpoint(server.endpoint);
  const direct = readings.direct.get(address);
  const target = about(subject, server.endpoint);
  if ((server.weight ?? 0) === 0) return judgeIdle(server, direct, subject);
  const trials = readings.trials.filter(({ reached }) => reached === address);
  const through = trials.find(({ failure }) => failure === undefined);
  const failures = trials.filter(({ failure }) => failure !== undefined);
  const [failed] = failures;
  if (through !== undefined && failed === undefined) {
    return ok("connection", `answers through the virtual server in ${formatDuration(through.latencyMs)}`, target);
  }
  const silence = direct?.failure;
  if (silence !== undefined && isDialledItself(server)) return judgeSilent(server, silence, subject);
  if (failed !== undefined) {
    const itself = silence === undefined ? "answers itself, but " : "";
    return judgeTrial(
      server,
      failed,
      `${itself}through the virtual server ${failures.length} of ${trials.length}`,
      subject,
    );
  }
  if (direct === undefined) return unknown("connection", "was not tried", target);
  if (silence !== undefined) {
    const need = `as a ${server.forwarding} server need not, and no connection through led to it`;
    return unknown("connection", `does not answer under its own address (${silence}), ${need}`, target);
  }
  const took = formatDuration(direct.latencyMs);
  if ((readings.growth?.get(address) ?? 0) > 0)
    return ok("connection", `answers, in ${took}, and gets connections`, target);
  if (!isThrough) return ok("connection", `answers itself in ${took}`, target);
  const pinned = pinning(subject.service);
  if (pinned !== undefined && readings.trials.length > 0) {
    return ok("connection", `answers itself in ${took}; not tried through the virtual server: ${pinned}`, target);
  }
  const made = readings.trials.length;
  return unknown("connection", `answers itself in ${took}; none of ${made} connections through led to it`, target);
}

/**
 * Masquerading and the proxy lead to the dialled address itself; the other methods may serve only the virtual
 * address.
 */
function isDialledItself({ forwarding }: SubjectServer): boolean {
  return forwarding !== "direct-route" && forwarding !== "tunnel";
}

function judgeIdle(server: SubjectServer, direct: Attempt | undefined, subject: Subject): Finding {
  const target = about(subject, server.endpoint);
  const name = formatEndpoint(subject.service.endpoint);
  if (subject.daemon === undefined || server.state === "unknown") {
    if (direct?.failure !== undefined) return judgeSilent(server, direct.failure, subject);
    if (direct === undefined) return unknown("connection", "was not tried", target);
    if (server.weight === undefined)
      return ok("connection", `answers itself in ${formatDuration(direct.latencyMs)}`, target);
    return note(
      "connection",
      "answers, but has weight 0 in the table, so clients do not get there",
      `\`lvscare care --vs ${name} --rs ${formatEndpoint(server.endpoint)}\`, with the others in --rs too, looks after it`,
      target,
    );
  }
  if (direct?.failure !== undefined) return judgeSilent(server, direct.failure, subject);
  if (server.isDrainedByAgent === true) {
    const end = `its agent ends that by \`ready\`; \`lvscare weight ${formatEndpoint(server.endpoint)} N --vs ${subject.word}\` is above it`;
    return note("connection", "answers, but its agent keeps clients away", end, target);
  }
  if (server.isDrained === true) {
    const end = `\`lvscare undrain ${formatEndpoint(server.endpoint)} --vs ${subject.word}\``;
    return note("connection", "answers, but an operator keeps clients away (drained)", `${end} ends that`, target);
  }
  const because = server.lastCheck === undefined ? "" : `: ${server.lastCheck}`;
  return note(
    "connection",
    `takes connections, but is ${server.state}${because}`,
    `\`lvscare status --vs ${name}\` has its last check; docs/troubleshooting.md says what to do`,
    target,
  );
}

function judgeSilent(server: SubjectServer, failure: string, subject: Subject): Finding {
  return problem(
    "connection",
    `does not answer${subject.plane === undefined ? "" : ", even past the virtual server"}: ${failure}`,
    silentRemedy(server.endpoint, failure),
    about(subject, server.endpoint),
  );
}

function silentRemedy({ address, port }: Endpoint, failure: string): string {
  if (failure.includes("refused")) return `see what listens there: \`ss -ltnp 'sport = :${port}'\` on ${address}`;
  if (failure.includes("route") || failure.includes("unreachable")) return `\`ip route get ${address}\``;
  return `see that ${address} is up and nothing drops packets: \`ping -c 3 ${address}\`, \`nft list ruleset\` here and there`;
}

function judgeTrial(server: SubjectServer, failed: TrialConnection, what: string, subject: Subject): Finding {
  const { failure = "", source } = failed;
  return problem(
    "connection",
    `${what} connections fail: ${failure}`,
    passageRemedy(server, source, subject),
    about(subject, server.endpoint),
  );
}

function passageRemedy({ endpoint, forwarding }: SubjectServer, source: string | undefined, subject: Subject): string {
  const { endpoint: virtual } = subject.service;
  if (forwarding === "direct-route" || forwarding === "tunnel") {
    return (
      `the real server must have the virtual address, without telling others: there \`ip addr add ${hostCidr(virtual)} dev lo\` and ` +
      "`sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`"
    );
  }
  if (source === virtual.address) {
    // The daemon is there already, so what masquerades for it is not.
    if (subject.mode === "link" && subject.daemon !== undefined)
      return (
        "packets leave with the virtual address for their source, though the daemon is in link mode, so nothing masquerades them: " +
        "`sysctl -w net.ipv4.vs.conntrack=1` on the host where that is 0; `lvscare status -o wide` says what else of its reach is missing"
      );
    return (
      "packets leave with the virtual address for their source, so answers go astray: `lvscare care --mode link` masquerades them; or " +
      "give up the local address and use `--mode route`"
    );
  }
  return (
    `answers must come back through this host: \`tcpdump -ni any host ${endpoint.address} and port ${endpoint.port}\` shows them; ` +
    "`nft list ruleset` shows what drops"
  );
}
