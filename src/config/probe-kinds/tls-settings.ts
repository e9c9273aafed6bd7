import type { OptionRow } from "../option-row.ts";
import type { OptionValues } from "../option-values.ts";
import { parseAbsolutePath, parseBoolean, parseInteger, refusal } from "../value-parsers.ts";
import { CHECKS, type ProbeContext } from "./probe-kind.ts";

/** How a check speaks TLS, and whom it trusts. */
export interface TlsSettings {
  /** `none` takes any certificate, `ca` one that a trusted authority signed, `full` one that fits the name or address, too. */
  readonly verify: "none" | "ca" | "full";
  /** The authorities that are trusted, in PEM; undefined for those of this system. Files are read again when they change. */
  readonly caFile: string | undefined;
  /** Our certificate, for servers that ask for one, with those between it and its authority. */
  readonly certFile: string | undefined;
  /** The key of it; may be the same file. Undefined without a certificate. */
  readonly keyFile: string | undefined;
  /** The name that is sent and that a certificate is to fit; undefined for none, and the address. */
  readonly serverName: string | undefined;
  /** Protocols to offer, the most wanted first; none: the server is not asked. */
  readonly alpn: readonly string[];
  /** A certificate that ends sooner is none, whatever `verify` says; 0: one that has expired. Absent: not looked at. */
  readonly minDaysLeft?: number;
}

export const TLS_FLAG_ROWS = [
  {
    flag: "health-insecure-skip-verify",
    alsoCalled: ["insecure"],
    kind: "boolean",
    default: "true",
    help: "take any certificate; =false verifies it against the system's roots and the real server's IP",
    group: CHECKS,
    inFile: {
      place: "probe",
      key: "tls.verify",
      type: "verify",
      help: "none takes any certificate, ca wants one of an authority that is trusted, full one for the server's name or IP, too (default none, with ca-file full)",
    },
  },
  {
    flag: "health-ca-file",
    kind: "text",
    valueName: "file",
    takesFile: true,
    fileKind: "certificate",
    help: "the authorities to trust, in PEM, instead of the system's; certificates are then verified. Read again when it changes",
    group: CHECKS,
    inFile: { place: "probe", key: "tls.ca-file", type: "text" },
  },
  {
    flag: "health-cert-file",
    kind: "text",
    valueName: "file",
    takesFile: true,
    fileKind: "certificate",
    help: "a certificate, in PEM, for servers that ask for one; its key in the same file or in --health-key-file",
    group: CHECKS,
    inFile: {
      place: "probe",
      key: "tls.cert-file",
      type: "text",
      help: "a certificate, in PEM, for servers that ask for one; its key in the same file or in key-file",
    },
  },
  {
    flag: "health-key-file",
    kind: "text",
    valueName: "file",
    takesFile: true,
    fileKind: "key",
    help: "the key of that certificate, in PEM",
    group: CHECKS,
    inFile: { place: "probe", key: "tls.key-file", type: "text" },
  },
] as const satisfies readonly OptionRow[];

/** Ten years. */
const MOST_DAYS = 3650;

/** Those that only a file has. */
export const TLS_FILE_ROWS = [
  {
    flag: "tls-server-name",
    kind: "text",
    help: "the name that is sent to the server, and that its certificate has to fit when it is verified (default: none, and its IP)",
    group: CHECKS,
    inFile: { place: "probe", key: "tls.server-name", type: "text" },
  },
  {
    flag: "tls-alpn",
    kind: "list",
    help: "the protocols to offer (ALPN), the most wanted first; the server has to choose one of them (default: none are offered)",
    group: CHECKS,
    inFile: { place: "probe", key: "tls.alpn", type: "words" },
  },
  {
    flag: "tls-min-days-left",
    kind: "text",
    help: "for how many days a certificate has to be valid still, whatever verify says; 0 refuses those that have expired (default: verify decides)",
    group: CHECKS,
    inFile: { place: "probe", key: "tls.min-days-left", type: "whole-number", bounds: [0, MOST_DAYS] },
  },
] as const satisfies readonly OptionRow[];

export function resolveTls(values: OptionValues<string>, { isFile }: ProbeContext): TlsSettings {
  const caFile = values.readOptional("health-ca-file", parseAbsolutePath);
  const certFile = values.readOptional("health-cert-file", parseAbsolutePath);
  const keyFile = values.readOptional("health-key-file", parseAbsolutePath);
  const verify = values.readOptional("health-insecure-skip-verify", isFile ? parseVerify : parseSkipping);
  if (caFile !== undefined && verify === "none")
    values.refuse(
      "health-ca-file",
      isFile ? "verify: none trusts anybody" : "--health-insecure-skip-verify trusts anybody",
    );
  if (keyFile !== undefined && values.isMissing("health-cert-file"))
    values.refuse("health-key-file", isFile ? "needs cert-file" : "needs --health-cert-file");
  const minDaysLeft = values.readOptional("tls-min-days-left", parseInteger(0, MOST_DAYS));
  return {
    verify: verify ?? (caFile === undefined ? "none" : "full"),
    caFile,
    certFile,
    keyFile: keyFile ?? certFile,
    serverName: values.readOptional("tls-server-name", parseName),
    alpn: values.readAll("tls-alpn", parseProtocols) ?? [],
    ...(minDaysLeft !== undefined && { minDaysLeft }),
  };
}

// --- internal ---

function parseSkipping(text: string): TlsSettings["verify"] {
  return parseBoolean(text) ? "none" : "full";
}

/** A file has words for it, of which two stand for the flag's. */
function parseVerify(text: string): TlsSettings["verify"] {
  return text === "ca" ? text : parseSkipping(text);
}

function parseName(text: string): string {
  if (/^(?=.{1,253}$)[\w-]+(?:\.[\w-]+)*$/.test(text)) return text;
  throw refusal(`"${text}" is no name of a host`);
}

function parseProtocols(texts: readonly string[]): readonly string[] {
  const wrong = texts.find((text) => !/^[\x21-\x7e]{1,255}$/.test(text));
  if (wrong !== undefined) throw refusal(`"${wrong}" is no name of a protocol`);
  return [...new Set(texts)];
}
