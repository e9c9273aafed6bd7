import type { Subject, SubjectServer } from "../../../src/app/doctor/subject.ts";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import { virtualServer } from "../../../src/domain/virtual-server.ts";

export const A = "192.168.0.2:6443";
export const B = "192.168.0.3:6443";

/** A virtual server that stands in the kernel and that nobody cares for, unless told otherwise. */
export function subject(changes: Partial<Subject> = {}, vs = "10.103.97.2:6443"): Subject {
  return {
    service: virtualServer({ protocol: "tcp", endpoint: parseEndpoint(vs) }, "rr"),
    word: vs,
    mode: "route",
    plane: "ipvs",
    daemon: undefined,
    realServers: [server(A), server(B)],
    ...changes,
  };
}

export function server(address: string, changes: Partial<SubjectServer> = {}): SubjectServer {
  return {
    endpoint: parseEndpoint(address),
    weight: 1,
    forwarding: "masquerade",
    state: "unknown",
    ...changes,
  };
}

export const DAEMON: Subject["daemon"] = { pid: 7, isFailOpen: false };
