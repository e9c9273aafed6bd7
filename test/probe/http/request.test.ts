import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeRequest, type HeaderList, type RequestStep } from "../../../src/probe/http/request.ts";

const GET: RequestStep = { method: "GET", path: "/healthz", body: "" };

describe("encodeRequest", () => {
  test("asks for one answer and no more", () => {
    expect(text(GET)).toBe(
      "GET /healthz HTTP/1.1\r\nHost: 10.0.0.2:6443\r\nUser-Agent: lvscare\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
    );
  });

  test("counts a body in bytes", () => {
    expect(text({ method: "POST", path: "/", body: "größer" })).toEndWith("\r\nContent-Length: 8\r\n\r\ngrößer");
  });

  test.each(["POST", "PUT", "PATCH"])("says that the body of %s is empty", (method) => {
    expect(text({ ...GET, method })).toContain("\r\nContent-Length: 0\r\n");
  });

  test("lets the user's headers replace and repeat, in order", () => {
    const given: HeaderList = [
      ["host", "api.test"],
      ["X-Trace", "a"],
      ["X-Trace", "b"],
      ["user-agent", "mine"],
    ];
    expect(text(GET, given)).toBe(
      "GET /healthz HTTP/1.1\r\nAccept-Encoding: identity\r\nConnection: close\r\nhost: api.test\r\nX-Trace: a\r\nX-Trace: b\r\nuser-agent: mine\r\n\r\n",
    );
  });

  test("keeps the framing of the message to itself", () => {
    const given: HeaderList = [
      ["Content-Length", "999"],
      ["transfer-encoding", "chunked"],
    ];
    expect(text({ method: "POST", path: "/", body: "ab" }, given)).not.toMatch(/999|chunked/);
  });

  test.each([
    ["/a b", "/a%20b"],
    ["/?q=1&r=%20", "/?q=1&r=%20"],
    ["/ü#x", "/%C3%BC%23x"],
    ["/\r\nHost: evil", "/%0D%0AHost:%20evil"],
    ["/\ud800", "/%EF%BF%BD"],
  ])("sends the path %j as %s", (path, sent) => {
    expect(text({ ...GET, path })).toStartWith(`GET ${sent} HTTP/1.1\r\n`);
  });

  test.each<[string, RequestStep, HeaderList, string]>([
    ["method", { ...GET, method: "GE T" }, [], '"GE T" is not a request method'],
    ["header name", GET, [["X Y", "1"]], 'the request header "X Y" cannot be sent'],
    ["header value", GET, [["X", "1\r\nHost: evil"]], 'the request header "X" cannot be sent'],
  ])("refuses a %s that is none", (_, step, given, refused) => {
    expect(encodeRequest(step, "10.0.0.2:80", given, false)).toEqual({ refused });
  });

  test("is one request whatever method, path and headers it is given", () => {
    const unit = fc.constantFrom(
      "a",
      "Z",
      "7",
      "-",
      ":",
      " ",
      "\t",
      "\r",
      "\n",
      "\0",
      "\x7f",
      "#",
      "?",
      "ä",
      "\ud800",
      "🐇",
    );
    const word = fc.string({ unit, maxLength: 6 });
    const given = fc.array(fc.tuple(word, word), { maxLength: 2 });
    const isOneRequest = /^[^\s]+ \/[^\s]* HTTP\/1\.1\r\n(?:[^\s:]+: [^\r\n\0]*\r\n)+\r\n$/;
    fc.assert(
      fc.property(word, word, given, (method, path, headers) => {
        const request = encodeRequest({ method, path: `/${path}`, body: "" }, "10.0.0.2:80", headers, false);
        return "refused" in request || isOneRequest.test(Buffer.from(request).toString("latin1"));
      }),
      { numRuns: 1000 },
    );
  });
});

function text(step: RequestStep, given: HeaderList = [], keepsAlive = false): string {
  const request = encodeRequest(step, "10.0.0.2:6443", given, keepsAlive);
  if ("refused" in request) throw new Error(request.refused);
  return Buffer.from(request).toString("utf8");
}
