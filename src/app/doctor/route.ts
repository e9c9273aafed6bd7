import { hostCidr, isIpv6LinkLocal, isLoopback, type Endpoint } from "../../domain/endpoint.ts";
import { note, ok, problem, type Finding } from "../../domain/finding.ts";
import { decodeLink, getLinks } from "../../netlink/route/links.ts";
import { decodeRoute, lookUpRoute, RTN_LOCAL, RTN_UNICAST } from "../../netlink/route/routes.ts";
import { readTable } from "../../reach/host-network.ts";
import { HostView } from "../../reach/host-view.ts";
import { findNodeAddress, nodeAddress } from "../../reach/node-address.ts";
import { about, type Subject } from "./subject.ts";

/** Where this host sends packets for an address. */
export type Way =
  | { readonly kind: "local"; readonly device: string }
  | { readonly kind: "via"; readonly device: string; readonly gateway?: string; readonly source?: string }
  /** The kernel's name for it: ENETUNREACH, EHOSTUNREACH. */
  | {
      readonly kind: "none";
      readonly errno: string;
      /** An address of this host that can be the gateway of route mode. */
      readonly node?: string;
    };

/** Whether this host's own clients get packets for the virtual address as far as IPVS, and whether the way fits the mode. */
export function judgeWay(way: Way, subject: Subject): Finding {
  const { service, mode, plane, daemon } = subject;
  const { address, family } = service.endpoint;
  const cidr = hostCidr(service.endpoint);
  switch (way.kind) {
    case "local": {
      const where = `${address} is this host's own, on ${way.device}`;
      return ok(
        "route",
        mode === "route" ? `${where}; the route of route mode has no work here` : where,
        about(subject),
      );
    }
    case "via": {
      const gateway = way.gateway === undefined ? "" : ` via ${way.gateway}`;
      const message = `${address} is reached${gateway} on ${way.device}`;
      if (plane === "userspace") {
        return problem(
          "route",
          `${message}; the userspace data plane needs it on this host`,
          `\`ip addr add ${cidr} dev lo\``,
          about(subject),
        );
      }
      if (mode !== "link" || plane === undefined) return ok("route", message, about(subject));
      return problem(
        "route",
        `${message}; in link mode it should be this host's own`,
        `\`ip addr add ${cidr} dev lvscare\`, or start \`lvscare care --mode link\` again`,
        about(subject),
      );
    }
    case "none": {
      const message = `this host has no way to ${address}: ${REASONS.get(way.errno) ?? way.errno}`;
      const node = way.node ?? "<an address of this host>";
      // IPv6 takes no address of this host for a gateway.
      const add = family === "ipv6" ? `\`ip addr add ${cidr} dev lo\`` : `\`ip route add ${cidr} via ${node}\``;
      const makes = `\`lvscare care --mode route --ip ${node}\` makes a way`;
      // A virtual server that is not set up yet cannot have its route yet.
      if (plane === undefined && daemon === undefined && mode !== "none") {
        return note("route", message, `${makes}, and so does \`--mode link\``, about(subject));
      }
      return problem("route", message, `${add}; ${makes}`, about(subject));
    }
  }
}

export function readWay({ family, address }: Omit<Endpoint, "port">, servers: readonly Endpoint[] = []): Way {
  return new HostView().use((host) => {
    const { connection } = host;
    const { replies, refusal } = connection.request(lookUpRoute({ family, address }), decodeRoute);
    if (refusal !== undefined) {
      const own = host.addresses().find((one) => one.family === family && !isLocalOnly(one.address));
      const found = findNodeAddress(host, servers);
      const node = nodeAddress(family)?.address ?? found?.address ?? own?.address;
      return { kind: "none", errno: refusal.errno, ...(node !== undefined && { node }) };
    }
    const [route] = replies;
    if (route === undefined) throw new Error(`the kernel tells no route to ${address}`);
    const links = readTable(connection, getLinks(), decodeLink, "read this host's links");
    const nameOf = (wanted: number | undefined): string =>
      links.find(({ index }) => index === wanted)?.name ?? "an interface without a name";
    const device = nameOf(route.linkIndex);
    if (route.type === RTN_LOCAL) {
      // Whatever link has the address, the way to it goes by lo.
      const carried = host.addresses().find((one) => one.address === address);
      return { kind: "local", device: carried === undefined ? device : nameOf(carried.linkIndex) };
    }
    if (route.type !== RTN_UNICAST) return { kind: "none", errno: `a route of type ${route.type}` };
    const { gateway, source } = route;
    return { kind: "via", device, ...(gateway && { gateway }), ...(source && { source }) };
  });
}

/** What the daemon itself could not set up. */
export function judgeReach(subject: Subject): Finding[] {
  const { daemon } = subject;
  const failed = daemon?.reach?.objects.filter(({ state }) => state === "failed") ?? [];
  return failed.map(({ name, problem: reason = "" }) =>
    problem(
      "reach",
      `the daemon cannot keep ${name}: ${reason}`,
      "`lvscare events` tells since when; mend it on the host, and the daemon tries again",
      about(subject),
    ),
  );
}

// --- internal ---

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENETUNREACH", "no route leads there"],
  ["EHOSTUNREACH", "a route says that it is unreachable"],
  ["EACCES", "a route prohibits it"],
  ["EINVAL", "a route swallows it"],
]);

/** Of loopback or of a single link. */
function isLocalOnly(address: string): boolean {
  return isLoopback(address) || isIpv6LinkLocal(address);
}
