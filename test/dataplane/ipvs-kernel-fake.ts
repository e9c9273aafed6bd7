import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { formatServiceKey, type RealServer, type VirtualServer } from "../../src/domain/virtual-server.ts";
import { readAttributes, writeAttributes } from "../../src/netlink/attributes.ts";
import { genericReader } from "../../src/netlink/generic.ts";
import { decodeDestination, writeDestination } from "../../src/netlink/ipvs/requests.ts";
import { serviceAttributes } from "../../src/netlink/ipvs/service.ts";
import { endpointOf } from "../../src/netlink/ipvs/address.ts";
import { familyName } from "../../src/netlink/family.ts";
import { flagNames, protocolName } from "../../src/netlink/ipvs/names.ts";
import { COMMAND } from "../../src/netlink/ipvs/tables.ts";
import { NLM_F_ACK, NLM_F_DUMP, NLMSG_DONE, type NetlinkMessage } from "../../src/netlink/messages.ts";
import type { ByteWriter } from "../../src/netlink/writer.ts";
import { datagram, outcome, transportsTo, type FakeTransports } from "../netlink/fake-kernel.ts";

interface Standing {
  service: VirtualServer;
  readonly servers: Map<string, RealServer>;
}

const [EPERM, ENOENT, ESRCH, EEXIST] = [1, 2, 3, 17];

/** The part of the kernel's IPVS that a data plane uses, with faults that a test switches on. */
export class FakeIpvs {
  /** The family's number; undefined: the module cannot be loaded. */
  family: number | undefined = 0x20;
  permitted = true;
  /** Takes everything and keeps nothing, as a stub of a kernel might. */
  forgetful = false;
  schedulers: readonly string[] = ["rr", "wrr", "mh"];
  readonly sends: number[] = [];
  readonly standing = new Map<string, Standing>();
  readonly transports: FakeTransports = transportsTo((messages) => this.#answer(messages));

  #answer(messages: readonly NetlinkMessage[]): readonly Uint8Array[] {
    this.sends.push(messages.length);
    return messages.flatMap((message) => {
      const replies: Uint8Array[] = [];
      const reply = (body: (writer: ByteWriter) => void) => {
        replies.push(datagram({ type: message.type, flags: 2, sequence: message.sequence }, body));
      };
      const errno = message.type === 16 ? this.#resolve(reply) : this.#command(message, reply);
      if (errno !== 0) return [outcome(message.sequence, errno)];
      if ((message.flags & NLM_F_DUMP) === NLM_F_DUMP) {
        return [...replies, datagram({ type: NLMSG_DONE, sequence: message.sequence })];
      }
      return (message.flags & NLM_F_ACK) === 0 ? replies : [...replies, outcome(message.sequence)];
    });
  }

  #resolve(reply: (body: (writer: ByteWriter) => void) => void): number {
    const { family } = this;
    if (family === undefined) return ENOENT;
    reply((writer) => {
      writer.u32(0x0201);
      writer.bytes([6, 0, 1, 0, family, 0, 0, 0]);
    });
    return 0;
  }

  #command(message: NetlinkMessage, reply: (body: (writer: ByteWriter) => void) => void): number {
    if (message.type !== this.family) return ENOENT;
    if (!this.permitted) return EPERM;
    const command = message.payload[0] ?? 0;
    const { service: values, destination } = readAttributes(genericReader(message.payload), COMMAND);
    const put = (service: VirtualServer) =>
      reply((writer) => {
        writer.u32(0x0101);
        writeAttributes(writer, COMMAND, { service: serviceAttributes(service) });
      });
    if (values === undefined) {
      for (const { service } of this.standing.values()) put(service);
      return 0;
    }
    const service = serviceOf(values);
    const key = formatServiceKey(service);
    const found = this.standing.get(key);
    if (command === 1) {
      if (found !== undefined) return EEXIST;
      if (!this.schedulers.includes(service.scheduler)) return ENOENT;
      if (!this.forgetful) this.standing.set(key, { service, servers: new Map() });
      return 0;
    }
    if (command === 8) {
      const newestFirst = [...(found?.servers.values() ?? [])].toReversed();
      for (const server of newestFirst)
        reply((writer) => {
          writer.u32(0x0101);
          writeDestination(writer, server);
        });
      return 0;
    }
    if (found === undefined) return this.forgetful ? 0 : ESRCH;
    if (command === 2) found.service = service;
    if (command === 3) this.standing.delete(key);
    if (command === 4) put(found.service);
    if (destination === undefined) return 0;
    const id = formatEndpoint(endpointFrom(destination, service.endpoint.family));
    if (found.servers.has(id) === (command === 5)) return command === 5 ? EEXIST : ENOENT;
    if (command === 7) found.servers.delete(id);
    else found.servers.set(id, decodeDestination(message.payload, service.endpoint.family).server);
    return 0;
  }
}

// --- internal ---

type Values = NonNullable<ReturnType<typeof readAttributes<(typeof COMMAND)["rows"]>>["service"]>;
type DestinationValues = NonNullable<ReturnType<typeof readAttributes<(typeof COMMAND)["rows"]>>["destination"]>;

function serviceOf(values: Values): VirtualServer {
  const family = familyName(values.addressFamily ?? 0) ?? "ipv4";
  return {
    protocol: protocolName(values.protocol ?? 0) ?? "tcp",
    endpoint: endpointFrom(values, family),
    scheduler: values.scheduler ?? "",
    flags: flagNames(values.flags ?? 0),
    persistenceTimeoutS: values.timeout ?? 0,
    persistencePrefix: family === "ipv6" ? 128 : 32,
  };
}

function endpointFrom(values: Values | DestinationValues, serviceFamily: "ipv4" | "ipv6") {
  const family = familyName(values.addressFamily ?? 0) ?? serviceFamily;
  const endpoint = endpointOf(family, values.address ?? new Uint8Array(16), values.port ?? 0);
  if (endpoint === undefined) throw new Error("the fake kernel got half an address");
  return endpoint;
}
