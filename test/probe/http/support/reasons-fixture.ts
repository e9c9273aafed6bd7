import { dialTcpSocket } from "#native";
import { parseEndpoint } from "../../../../src/domain/endpoint.ts";
import { probe } from "./probe.ts";

/** Probes each of the given addresses and prints what was found, a line each. */
for (const text of process.argv.slice(2)) {
  const outcome = await probe(parseEndpoint(text), {}, { openTcpSocket: dialTcpSocket });
  const unreachable = outcome.passed === false && outcome.unreachable === true ? " unreachable" : "";
  process.stdout.write(`${outcome.passed}${unreachable}: ${outcome.reason}\n`);
}
