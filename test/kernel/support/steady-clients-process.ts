import type { Socket } from "bun";
import { addressAndPort } from "./address-and-port.ts";
import type { SteadyOrder } from "./steady-clients.ts";

// The other side of steady-clients.ts: an order in each line of stdin, its answer as JSON in a line of stdout.

/** Nobody answers within that: a machine with much to do takes its time. */
const ANSWER_MS = 60_000;
/** A client that makes requests without a pause would take the processor from those that it tests. */
const PAUSE_MS = 150;

/** A connection for requests one after the other. */
class Connection {
  #text = "";
  #socket: Socket | undefined;
  #ended: string | undefined;
  #waiting: ((answer: string) => void) | undefined;

  async open(address: string): Promise<void> {
    const end = (why: string): void => {
      this.#ended ??= why;
      this.#waiting?.(this.#ended);
    };
    try {
      this.#socket = await Bun.connect({
        ...addressAndPort(address),
        socket: {
          data: (_, chunk) => {
            this.#text += chunk.toString();
            const body = /^HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n([^]+)$/.exec(this.#text)?.[1];
            if (body !== undefined) this.#waiting?.(body);
          },
          error: (_, error) => end(error.message),
          close: (_, error) => end(error?.message ?? "closed"),
        },
      });
    } catch (error) {
      end(error instanceof Error ? error.message : String(error));
    }
  }

  /** The body of the answer, or what went wrong. */
  async request(): Promise<string> {
    if (this.#ended !== undefined) return this.#ended;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting = resolve;
    this.#text = "";
    const deadline = setTimeout(() => resolve("timed out"), ANSWER_MS);
    this.#socket?.write("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    try {
      return await promise;
    } finally {
      clearTimeout(deadline);
      this.#waiting = undefined;
    }
  }

  close(): void {
    this.#ended = "closed here";
    this.#socket?.end();
  }
}

const held = new Map<string, Connection>();
const answers: Record<string, Record<string, number>> = {};
let loads: Promise<void>[] = [];
let loading = false;

console.log("ready");
for await (const line of console) console.log(JSON.stringify(await obey(JSON.parse(line) as SteadyOrder)));

async function obey(order: SteadyOrder): Promise<unknown> {
  switch (order.kind) {
    case "hold": {
      const connection = new Connection();
      held.set(order.id, connection);
      await connection.open(order.address);
      return connection.request();
    }
    case "release":
      for (const id of order.ids) held.get(id)?.close();
      for (const id of order.ids) held.delete(id);
      return "done";
    case "ask":
      return Object.fromEntries(
        await Promise.all(Array.from(held, async ([id, connection]) => [id, await connection.request()] as const)),
      );
    case "begin":
      loading = true;
      loads = order.addresses.map((address) => requestAgainAndAgain(address));
      return "done";
    default:
      loading = false;
      await Promise.all(loads);
      return answers;
  }
}

async function requestAgainAndAgain(address: string): Promise<void> {
  const counts = (answers[address] = {} as Record<string, number>);
  const isLoading = (): boolean => loading;
  while (isLoading()) {
    const connection = new Connection();
    await connection.open(address);
    const answer = await connection.request();
    connection.close();
    counts[answer] = (counts[answer] ?? 0) + 1;
    await Bun.sleep(PAUSE_MS);
  }
}
