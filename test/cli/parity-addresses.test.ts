import { expect, test } from "bun:test";
import { refusal } from "./run-program.ts";

/** The Go program's rules for the addresses of `--vs` and `--rs`, row by row, at the real entry. */

const NO_HOST = "needs an IP address before the port (host names are not resolved)";

const rows: readonly (readonly [row: string, address: string, fault: string | undefined])[] = [
  ["taken as in Go: IPv4", "192.0.2.2:6443", undefined],
  ["taken as in Go: IPv6 in brackets", "[fd00::2]:6443", undefined],
  [
    "refused as in Go: IPv6 without brackets",
    "fd00::1:6443",
    "is not an address with a port; write an IPv6 address in brackets: [fd00::1]:6443",
  ],
  ["refused as in Go: no port", "192.0.2.2", "is not an address with a port; write it as IP:port"],
  ["refused as in Go: a port beyond 65535", "192.0.2.2:65536", "needs a port from 1 to 65535"],
  ["refused as in Go: a named port", "192.0.2.2:https", "needs a port from 1 to 65535"],
  ["refused, where Go makes an empty address of it: a host name", "master-1:6443", NO_HOST],
  ["refused, where Go makes an empty address of it: no address", ":6443", NO_HOST],
  [
    "refused, where Go makes an empty address of it: a leading zero",
    "010.0.0.1:80",
    "needs an IPv4 address: four numbers up to 255, without leading zeros",
  ],
  ["refused, where Go takes it: port 0", "192.0.2.2:0", "needs a port from 1 to 65535"],
];

test.concurrent.each(rows)("%s", async (_, address, fault) => {
  const other = (host: number): string => (address.startsWith("[") ? `[fd00::${host}]:80` : `192.0.2.${host}:80`);
  // Something is always wrong, so that nothing is done; everything wrong is reported.
  const always = '--log-format: "xml" is not one of text, json';
  const expected = (flag: string): string[] =>
    fault === undefined ? [always] : [`${flag}: "${address}" ${fault}`, always];
  const refused = (...servers: string[]): Promise<string[]> => refusal(["care", ...servers, "--log-format=xml"]);
  expect(await refused("--vs", address, "--rs", other(8))).toEqual(expected("--vs"));
  expect(await refused("--vs", other(9), "--rs", address)).toEqual(expected("--rs"));
});
