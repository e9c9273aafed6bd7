import { serveWeb, type WebServer } from "../../../src/control/web-server.ts";
import { formatEndpoint, type Endpoint } from "../../../src/domain/endpoint.ts";
import { PretendedDaemon } from "./pretended-daemon.ts";

/** Our own web server, for what a test makes up. */
export class WebDaemon extends PretendedDaemon {
  readonly url: string;
  readonly #endpoint: Endpoint;
  #web: WebServer | undefined;

  constructor(address: string, servers: number) {
    super(servers);
    this.#endpoint = { family: "ipv4", address, port: 18_081 };
    this.url = `http://${formatEndpoint(this.#endpoint)}`;
    this.onEvent = () => this.#web?.happened();
    this.start();
  }

  start(): void {
    this.#web = serveWeb(this.#endpoint, this.sources());
  }

  async stop(): Promise<void> {
    await this.#web?.close();
    this.#web = undefined;
  }
}
