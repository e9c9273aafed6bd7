import { describeError, errnoOf } from "../../domain/errors.ts";
import { formatEndpoint, parseAddress, type Endpoint } from "../../domain/endpoint.ts";
import { DNS_TYPES, encodeQuestion, readMessage, type DnsMessage, type DnsType } from "../../probe/dns/message.ts";
import { WatchedFile } from "../../probe/watched-file.ts";

/** Asks name servers. */
export interface Resolver {
  /** The answer of the first that has one; or why there is none. */
  ask(name: string, type: DnsType): Promise<DnsMessage | { readonly failed: string }>;
}

/** Over UDP, and over TCP what does not fit into that. */
export class NameServers implements Resolver {
  readonly #servers: readonly Endpoint[];
  readonly #hosts: WatchedFile;

  /** Without servers, those of this host, as its file has them each time. */
  constructor(servers: readonly Endpoint[], resolvConf = "/etc/resolv.conf") {
    this.#servers = servers;
    this.#hosts = new WatchedFile(resolvConf);
  }

  async ask(name: string, type: DnsType): Promise<DnsMessage | { readonly failed: string }> {
    let servers = this.#servers;
    try {
      if (servers.length === 0) servers = nameServersIn(this.#hosts.read());
    } catch (error) {
      return { failed: `${this.#hosts.path} cannot be read (${errnoOf(error) ?? describeError(error)})` };
    }
    const problems: string[] = [];
    for (const server of servers) {
      const told = await askServer(server, name, type);
      if (!("failed" in told) && GOOD_CODES.has(told.code)) return told;
      problems.push(`${formatEndpoint(server)}: ${"failed" in told ? told.failed : told.code}`);
    }
    return { failed: problems.length === 0 ? "no name server is known" : problems.slice(0, MOST_TOLD).join("; ") };
  }
}

/** Of a resolv.conf(5). */
export function nameServersIn(text: string): readonly Endpoint[] {
  const found = text.matchAll(/^\s*nameserver\s+(\S+)/gm);
  return Array.from(found, ([, address = ""]) => parseAddress(address)).flatMap((address) =>
    address === undefined ? [] : [{ ...address, port: DNS_PORT }],
  );
}

// --- internal ---

export const DNS_PORT = 53;
const MOST_TOLD = 3;
/** That there is no such name is an answer as well. */
const GOOD_CODES: ReadonlySet<string> = new Set(["NOERROR", "NXDOMAIN"]);
/** As resolvers have it, for each try. */
const TRY_MS = 2000;

async function askServer(
  server: Endpoint,
  name: string,
  type: DnsType,
): Promise<DnsMessage | { readonly failed: string }> {
  const id = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
  const question = encodeQuestion(id, name, type);
  const isOurs = (message: DnsMessage | undefined): message is DnsMessage =>
    message?.id === id &&
    message.isAnswer &&
    message.question?.type === DNS_TYPES[type] &&
    message.question.name === name.replace(/\.$/, "").toLowerCase();
  const told = await overUdp(server, question, isOurs);
  return !("failed" in told) && told.isTruncated ? overTcp(server, question, isOurs) : told;
}

type IsOurs = (message: DnsMessage | undefined) => message is DnsMessage;
type Told = DnsMessage | { readonly failed: string };

/** Twice: packets get lost. Whatever does not answer the question is passed over: anybody may send it. */
async function overUdp({ address, port }: Endpoint, question: Uint8Array, isOurs: IsOurs): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Told>();
  let socket: Bun.udp.ConnectedSocket<"buffer">;
  try {
    socket = await Bun.udpSocket({
      connect: { hostname: address, port },
      socket: {
        data: (_, bytes) => {
          const message = readMessage(bytes);
          if (isOurs(message)) resolve(message);
        },
        // The runtime gives the error alone, whatever its types say.
        error: (...given: readonly unknown[]) => {
          const error = given.at(-1);
          resolve({ failed: errnoOf(error) ?? describeError(error) });
        },
      },
    });
  } catch (error) {
    return { failed: errnoOf(error) ?? describeError(error) };
  }
  const again = setTimeout(() => socket.send(question), TRY_MS / 2);
  const late = setTimeout(() => resolve({ failed: "no answer" }), TRY_MS);
  try {
    socket.send(question);
    return await promise;
  } catch (error) {
    return { failed: errnoOf(error) ?? describeError(error) };
  } finally {
    clearTimeout(again);
    clearTimeout(late);
    socket.close();
  }
}

/** Two bytes of length, then the message (RFC 1035, 4.2.2). */
async function overTcp({ address, port }: Endpoint, question: Uint8Array, isOurs: IsOurs): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Told>();
  let received = Buffer.alloc(0);
  const late = setTimeout(() => resolve({ failed: "no answer over TCP" }), TRY_MS);
  let socket: Bun.Socket | undefined;
  try {
    socket = await Bun.connect({
      hostname: address,
      port,
      socket: {
        data: (_, bytes) => {
          received = Buffer.concat([received, bytes]);
          const length = received.length < 2 ? Number.POSITIVE_INFINITY : received.readUInt16BE(0);
          if (received.length < length + 2) return;
          const message = readMessage(received.subarray(2, length + 2));
          resolve(isOurs(message) ? message : { failed: "no answer to the question over TCP" });
        },
        close: () => resolve({ failed: "no answer over TCP" }),
        error: (_, error) => resolve({ failed: errnoOf(error) ?? error.message }),
      },
    });
    socket.write(Buffer.concat([Buffer.of(question.length >> 8, question.length & 0xff), question]));
    return await promise;
  } catch (error) {
    return { failed: `TCP: ${errnoOf(error) ?? describeError(error)}` };
  } finally {
    clearTimeout(late);
    socket?.end();
  }
}
