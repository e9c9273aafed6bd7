import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { renderStaticPod, withImage } from "../../src/manifest/static-pod.ts";
import { renderYaml } from "../../src/manifest/yaml.ts";

const POD = renderStaticPod({ name: "lvscare", image: "lvscare:latest", args: ["care"] });

describe("YAML", () => {
  test("any text is read back as it was written", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...TRICKY)), (text) => {
        expect(Bun.YAML.parse(renderYaml({ args: [text], [`k${text}`]: { inner: [{ text }] } }))).toEqual({
          args: [text],
          [`k${text}`]: { inner: [{ text }] },
        });
      }),
    );
  });

  test("quotes as Go's libraries do, and only where it has to", () => {
    const args = ["401", "true", "--flag", "a: b", "*", "", "10.0.0.1:80", "1m30s", "y", "it's", "a #b"];
    expect(renderYaml({ args })).toBe(
      ["args:", '- "401"', '- "true"', "- --flag", "- 'a: b'", "- '*'", '- ""', "- 10.0.0.1:80", "- 1m30s", '- "y"']
        .concat(["- it's", "- 'a #b'", ""])
        .join("\n"),
    );
  });
});

describe("another image", () => {
  test("changes nothing else, comments and unknown fields included", () => {
    const edited = POD.replace(
      "    image: lvscare:latest",
      "    # pinned by ops\n    image:   'lvscare:latest'   # see above",
    )
      .replace("hostNetwork: true", "hostNetwork: true\n  someField: {image: other}")
      .replaceAll("\n", "\r\n");
    expect(withImage(edited, "reg.io:5000/lvscare@sha256:ab")).toBe(
      edited.replace("'lvscare:latest'", "reg.io:5000/lvscare@sha256:ab"),
    );
  });

  test("is given to the first document, the only one that kubelet reads", () => {
    for (const text of [`---\n${POD}`, `${POD}---\n`, `${POD}---\n${POD}`]) {
      expect(withImage(text, "new:1")).toBe(text.replace("image: lvscare:latest", "image: new:1"));
    }
  });

  test("is given to the first container only", () => {
    const two = POD.replace("  hostNetwork", "  - image: second\n    name: b\n  hostNetwork");
    expect(withImage(two, "new:1")).toBe(two.replace("image: lvscare:latest", "image: new:1"));
  });

  test.each([
    ["no YAML", "a: [", "it is no YAML"],
    ["no pod", "kind: Service\n", "it is no Pod"],
    ["a text", "Pod", "it is no Pod"],
    ["nothing", "", "it is no Pod"],
    ["a container that is none", "kind: Pod\nspec:\n  containers:\n  - a\n", "it has no container"],
    ["no container", "kind: Pod\nspec:\n  containers: []\n", "it has no container"],
    ["no image", "kind: Pod\nspec:\n  containers:\n  - name: a\n", "no image of its own line"],
    ["flow style", "kind: Pod\nspec: {containers: [{image: a}]}\n", "no image of its own line"],
    [
      "an image elsewhere",
      "kind: Pod\nspec:\n  containers:\n  - env:\n    - image: x\n    image: a\n",
      "cannot be replaced",
    ],
  ])("is refused for %s", (_, text, why) => {
    expect(() => withImage(text, "new:1")).toThrow(
      expect.objectContaining({ code: "BAD_MANIFEST", message: expect.stringContaining(why) }),
    );
  });
});

// --- internal ---

const TRICKY = [
  "- a",
  "? b",
  ":",
  "a:",
  "#",
  "a #",
  "---",
  "...",
  "0x1f",
  "1e3",
  "1_000",
  "12:30:45",
  "2026-01-01",
  "~",
  "Null",
  ".5",
  "=",
  "<<",
  "\\",
  "a\tb",
  " a",
  "a ",
  "%a",
  "@a",
  "`a",
  "|",
  ">",
];
