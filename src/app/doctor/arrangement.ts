import { formatEndpoint } from "../../domain/endpoint.ts";
import { note, problem, type Finding } from "../../domain/finding.ts";
import { formatServiceKey, type ObservedVirtualServer } from "../../domain/virtual-server.ts";
import { boundToLoopback, takenOver } from "../../reach/obstacles.ts";
import type { IsOwn } from "../../reach/own-addresses.ts";
import { describeNesting } from "../nesting.ts";
import { about, type Subject } from "./subject.ts";

/**
 * What no check of a real server shows: virtual and real servers that cannot work together on this host, as set up or
 * as planned.
 */
export function judgeArrangement(subject: Subject, isOwn: IsOwn, table: readonly ObservedVirtualServer[]): Finding[] {
  const { service, plane, mode } = subject;
  const arrangement = {
    service: service.endpoint,
    servers: subject.realServers.map(({ endpoint }) => endpoint),
  };
  const findings: Finding[] = [];
  const bound = plane === "userspace" ? undefined : boundToLoopback(arrangement, isOwn);
  if (bound !== undefined) {
    // Without the kernel as an explicit choice, the other data plane is used.
    const judge = plane === undefined ? note : problem;
    findings.push(judge("loopback", bound.message, bound.remedy ?? "", about(subject)));
  }
  if (plane === "userspace" || mode === "link") {
    const taken = takenOver(arrangement, isOwn, plane !== "userspace");
    if (taken !== undefined) findings.push(problem("address", taken.message, taken.remedy ?? "", about(subject)));
  }
  return plane === "userspace" ? findings : [...findings, ...judgeNesting(subject, table)];
}

// --- internal ---

function judgeNesting(subject: Subject, table: readonly ObservedVirtualServer[]): Finding[] {
  const standing = new Map(table.map((one) => [formatServiceKey(one.service), one]));
  return subject.realServers.flatMap(({ endpoint }) => {
    const inner = standing.get(formatServiceKey({ protocol: subject.service.protocol, endpoint }));
    if (inner === undefined) return [];
    const servers = inner.realServers.map(({ server }) => formatEndpoint(server.endpoint)).join(",");
    return [
      problem(
        "nesting",
        describeNesting(inner.service),
        `list what is behind it instead: \`--rs ${servers || "IP:port"}\``,
        about(subject, endpoint),
      ),
    ];
  });
}
