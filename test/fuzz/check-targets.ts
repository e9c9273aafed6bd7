import type { X509Certificate } from "node:crypto";
import { readPattern } from "../../src/domain/pattern.ts";
import { readCertificate } from "../../src/probe/connection/read-certificate.ts";
import { interestOf, readExpectations } from "../../src/probe/http/expectations.ts";
import { redirectStep } from "../../src/probe/http/redirect.ts";
import { encodeRequest } from "../../src/probe/http/request.ts";
import { ResponseReader } from "../../src/probe/http/response/response-reader.ts";
import { retryAfterIn } from "../../src/probe/http/retry-after.ts";
import { readBasicAuth, readToken } from "../../src/probe/http/secret-headers.ts";
import { ExpectationReader } from "../../src/probe/tcp/expectation.ts";
import type { Dice, FuzzTarget } from "./targets.ts";

/** What servers say to checks, and files that checks send, besides those of `targets.ts`. */
export const CHECK_TARGETS: readonly FuzzTarget[] = [
  { name: "files of tokens and passwords", run: fuzzSecrets },
  { name: "what is expected of headers and bodies", run: fuzzExpected },
  { name: "patterns that are expected of a TCP server", run: fuzzPatternOfSpeech },
  { name: "where a server redirects, and until when it wants to be left alone", run: fuzzRedirect },
  { name: "certificates", run: fuzzCertificate },
];

// --- internal ---

const TOKENS = ["eyJhbGciOi.e30.c2ln\n", "  abc \r\nmore\n", "user:pass word\n", "nobody:\r\n", "ü:ß\n", ""].map(
  (text) => Buffer.from(text),
);

/** It is one header of printable characters, or refused in words that tell nothing of it. */
function fuzzSecrets(dice: Dice): void {
  const text = Buffer.from(dice.mangled(dice.pick(TOKENS))).toString("utf8");
  for (const read of [readToken, readBasicAuth]) {
    const found = read(text);
    if ("problem" in found) {
      if (!/^its first line [a-z :]+$/.test(found.problem)) throw new Error(`it tells: ${found.problem}`);
      continue;
    }
    const [[name, value] = ["", ""], ...more] = found;
    if (more.length > 0 || name !== "Authorization" || !/^(Bearer|Basic) [\x21-\x7e]+$/.test(value))
      throw new Error(JSON.stringify(found));
  }
}

const ANSWERS = [
  'HTTP/1.1 200 OK\r\nX-Role: primary\r\nContent-Length: 11\r\n\r\n{"ok":true}',
  "HTTP/1.1 200 OK\r\nX-Role: a\r\nX-Role: standby\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok \r\n3\r\nbad\r\n0\r\n\r\n",
  "HTTP/1.0 200 OK\n\nok to the end",
].map((text) => Buffer.from(text));
const EXPECTATIONS = [
  { contains: "ok" },
  { regex: "^\\{.*ok", not: { contains: "bad" } },
  { sha256: "4062edaf750fb8074e7e83e0c9028c94e32468a8b6f1614774328ef045150f93", not: { regex: "b(a|e)d$" } },
];

/** What an answer lacks is told in a line, and is the same however the answer came in. */
function fuzzExpected(dice: Dice): void {
  const wanted = { expectHeaders: [["x-role", "^p|y$"]] as const, expectBody: dice.pick(EXPECTATIONS) };
  const bytes = dice.mangled(dice.pick(ANSWERS));
  const whole = new ResponseReader("GET", interestOf(wanted));
  const pieces = new ResponseReader("GET", interestOf(wanted));
  whole.feed(bytes);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + dice.below(20);
    pieces.feed(bytes.subarray(at, end));
    at = end;
  }
  const lacking = readExpectations(wanted);
  const [first, second] = [whole.end(), pieces.end()].map((reading) =>
    reading.state === "complete" ? (lacking(reading.answer) ?? "nothing") : reading.state,
  );
  if (first === undefined || first !== second || !/^[\x20-\x7e]{1,200}$/.test(first))
    throw new Error(`lacks ${first}, and in pieces ${second}`);
}

const SPEECHES = ["SSH-2.0-OpenSSH_9.2p1\r\n", "220 mail ESMTP\r\n", "role:master\r\n", "aaaaaaab", "\x1b[2J\0\r\n"];
const PATTERNS = ["^SSH-2\\.0-", "^2\\d\\d ", "role:(master|slave)\r\n$", "(a|b)*c", "[^\\x20-\\x7e]"];

/** However it is cut to pieces, it matches as it does whole; and is told on one line. */
function fuzzPatternOfSpeech(dice: Dice): void {
  const source = dice.pick(PATTERNS);
  const said = Buffer.from(dice.mangled(Buffer.from(dice.pick(SPEECHES), "latin1")));
  const withinBytes = 1 + dice.below(40);
  const reader = new ExpectationReader({ match: "regex", source, withinBytes });
  for (let at = 0; at < said.length;) {
    const next = at + 1 + dice.below(6);
    reader.feed(said.subarray(at, next));
    at = next;
  }
  const pattern = readPattern(source);
  const counts = said.subarray(0, withinBytes).toString("latin1");
  const isMet = reader.end() === "met";
  // One that waits for the end is met by it alone, which is not known of what is cut off.
  const isCut = said.length >= withinBytes;
  if ("problem" in pattern || (!isCut && isMet !== pattern.isIn(counts)) || (isMet && !pattern.isIn(counts)))
    throw new Error(`${isMet}: ${source} in ${JSON.stringify(counts)}`);
  if (!/^[\x20-\x7e…]*$/.test(reader.describe().replace(source, ""))) throw new Error(reader.describe());
}

const LOCATIONS = [
  "/a?b=c",
  "https://10.0.0.1:6443/x y",
  "//10.0.0.1:6443/..",
  "https://10.0.0.9/",
  "?q",
  "http:a",
].map((text) => Buffer.from(text));
const WAITS = ["120", "Wed, 21 Oct 2065 07:28:00 GMT", "Wed, x", "1e9", "-1"].map((text) => Buffer.from(text));

/** It is asked of the same server, by one request; and no wait is shorter than none. */
function fuzzRedirect(dice: Dice): void {
  const location = Buffer.from(dice.mangled(dice.pick(LOCATIONS))).toString("latin1");
  const target = { family: "ipv4", address: "10.0.0.1", port: 6443 } as const;
  const asked = { method: dice.pick(["GET", "HEAD", "POST"]), path: "/healthz", body: "x" };
  const answer = { status: dice.pick([301, 302, 303, 307, 308, 200]), location };
  const step = redirectStep(answer, asked, "https", target);
  if (step !== undefined) {
    if (!step.path.startsWith("/")) throw new Error(`to ${step.path}`);
    const request = encodeRequest(step, "10.0.0.1:6443", [], false);
    if ("refused" in request) throw new Error(request.refused);
    const [line = ""] = Buffer.from(request).toString("latin1").split("\r\n");
    if (!/^(GET|HEAD|POST) \/[\x21-\x7e]* HTTP\/1\.1$/.test(line)) throw new Error(line);
  }
  const waitMs = retryAfterIn(Buffer.from(dice.mangled(dice.pick(WAITS))).toString("latin1"), () => 0);
  if (waitMs !== undefined && !(waitMs >= 0 && Number.isFinite(waitMs))) throw new Error(`${waitMs} ms`);
}

const SUBJECTS = ["O=Example\\, Inc.\nCN=kubernetes", "CN=a\\0Ab", "", "CN=", "OU=x\nO=y"].map((text) =>
  Buffer.from(text),
);
const ALTERNATIVES = [
  'DNS:a.test, IP Address:10.0.0.1, DNS:"a, b"',
  'DNS:"\\"", URI:http://x, IP Address:FE80:0:0:0:0:0:0:1',
  "DNS:, DNS:",
].map((text) => Buffer.from(text));

/** Whatever names it has, they are few, and a line each. */
function fuzzCertificate(dice: Dice): void {
  const text = (from: readonly Buffer[]): string => Buffer.from(dice.mangled(dice.pick(from))).toString("utf8");
  const shown = {
    subject: text(SUBJECTS),
    issuer: text(SUBJECTS),
    subjectAltName: dice.below(8) === 0 ? undefined : text(ALTERNATIVES).repeat(1 + dice.below(3)),
    validFrom: "Nov 24 00:00:00 2026 GMT",
    validTo: text([Buffer.from("Dec 24 00:00:00 2027 GMT")]),
  } as unknown as X509Certificate;
  const facts = readCertificate(shown, "ab");
  if (facts === undefined) return;
  const { subject, issuer, names, notAfterMs } = facts;
  const bad = [subject, issuer, ...names].find((name) => name.length > 201 || /\p{Cc}/u.test(name));
  if (bad !== undefined || subject === "" || issuer === "" || !Number.isFinite(notAfterMs))
    throw new Error(JSON.stringify([bad, facts]));
}
