import { describe, expect, test } from "bun:test";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import { redirectStep } from "../../../src/probe/http/redirect.ts";
import type { RequestStep } from "../../../src/probe/http/request.ts";

const POST: RequestStep = { method: "POST", path: "/a/b?c", body: "x" };

describe("redirectStep", () => {
  test.each<[string, string]>([
    ["/z", "/z"],
    ["z?y=1#part", "/a/z?y=1"],
    ["?y", "/a/b?y"],
    ["http://10.0.0.2:8080/z", "/z"],
    ["//10.0.0.2:8080/z", "/z"],
    ["http://user:secret@10.0.0.2:8080/z", "/z"],
  ])("follows %s to %s", (location, path) => {
    expect(follow(302, location)).toEqual({ method: "GET", path, body: "" });
  });

  test.each([
    "http://10.0.0.3:8080/",
    "http://10.0.0.2/",
    "https://10.0.0.2:8080/",
    "//10.0.0.3:8080/",
    "http://api.test:8080/",
    "javascript:alert(1)",
    "unix:/run/docker.sock",
    "http+unix://%2Frun%2Fdocker.sock/",
    "file:///etc/shadow",
    "http://10.0.0.2:8080@10.0.0.3/",
    "http://10.0.0.2:8080.test/",
    "http://[bad",
  ])("does not follow %s", (location) => {
    expect(follow(302, location)).toBeUndefined();
  });

  test("takes the scheme's own port as the address without a port", () => {
    const step = redirectStep(
      { status: 301, location: "https://10.0.0.2/z" },
      POST,
      "https",
      parseEndpoint("10.0.0.2:443"),
    );
    expect(step).toEqual({ method: "GET", path: "/z", body: "" });
  });

  test("knows an IPv6 server in any spelling", () => {
    const step = redirectStep(
      { status: 301, location: "http://[FD00:0::1]:80/z" },
      POST,
      "http",
      parseEndpoint("[fd00::1]:80"),
    );
    expect(step).toEqual({ method: "GET", path: "/z", body: "" });
  });

  test.each([
    [301, "POST", { method: "GET", path: "/z", body: "" }],
    [303, "PUT", { method: "GET", path: "/z", body: "" }],
    [302, "HEAD", { method: "HEAD", path: "/z", body: "" }],
    [307, "POST", { method: "POST", path: "/z", body: "x" }],
    [308, "POST", { method: "POST", path: "/z", body: "x" }],
    [300, "POST", undefined],
    [304, "POST", undefined],
    [200, "POST", undefined],
  ])("after %d to a %s asks again so", (status, method, step) => {
    expect(follow(status, "/z", { ...POST, method })).toEqual(step);
  });

  test("has nowhere to go without a location", () => {
    expect(follow(302, undefined)).toBeUndefined();
  });
});

function follow(status: number, location: string | undefined, asked = POST): RequestStep | undefined {
  return redirectStep({ status, location }, asked, "http", parseEndpoint("10.0.0.2:8080"));
}
