import type { TrafficStats } from "../../domain/virtual-server.ts";

/** Running totals of one virtual or real server. A chunk read from a socket counts as a packet. */
export class TrafficMeter {
  #connections = 0;
  #inPackets = 0;
  #outPackets = 0;
  #inBytes = 0;
  #outBytes = 0;

  connected(): void {
    this.#connections++;
  }

  receivedIn(bytes: number): void {
    this.#inPackets++;
    this.#inBytes += bytes;
  }

  receivedOut(bytes: number): void {
    this.#outPackets++;
    this.#outBytes += bytes;
  }

  read(): TrafficStats {
    return {
      connections: this.#connections,
      inPackets: this.#inPackets,
      outPackets: this.#outPackets,
      inBytes: this.#inBytes,
      outBytes: this.#outBytes,
    };
  }
}
