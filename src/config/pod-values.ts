import { refusal } from "./value-parsers.ts";

/** RFC 1123, as Kubernetes wants names of pods. */
export function parsePodName(text: string): string {
  if (text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text)) return text;
  throw refusal(
    `"${text}" is no name of a pod: lower-case letters, digits, "-" and ".", beginning and ending with one of the former`,
  );
}

/** Kubernetes' quantities (resource.Quantity), as far as they make sense: thousandths of a CPU, but not of a byte. */
export function parseRequest(text: string): [name: string, quantity: string] {
  const [, name = "", quantity = ""] = /^(cpu|memory|ephemeral-storage)=(.*)$/.exec(text.trim()) ?? [];
  const unit = name === "cpu" ? /^m?$/ : /^(?:k|[KMGTPE]i|[MGTPE])?$/;
  const [, rest] = /^(?:\d+(?:\.\d*)?|\.\d+)(.*)$/.exec(quantity) ?? [];
  if (rest !== undefined && unit.test(rest)) return [name, quantity];
  throw refusal(`"${text}" is no request; write it like cpu=20m or memory=64Mi`);
}

/** The name of a container's image as runtimes read it (distribution/reference): only a registry may have capital letters. */
export function parseImageName(text: string): string {
  const [, name = "", tag = "", digest = ""] = /^([^@]+?)(:[^:/@\]]*)?(@.*)?$/s.exec(text) ?? [];
  const [first = "", ...rest] = name.split("/");
  const path = rest.length > 0 && REGISTRY.test(first) ? rest : [first, ...rest];
  if (path.every((part) => PART.test(part)) && TAG.test(tag) && DIGEST.test(digest)) return text;
  throw refusal(`"${text}" is no name of an image`);
}

// --- internal ---

const REGISTRY = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::\d+)?$/i;
const PART = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^(?::\w[\w.-]{0,127})?$/;
const DIGEST = /^(?:@[a-z][a-z0-9]*(?:[-_+.][a-z][a-z0-9]*)*:[0-9a-f]{32,})?$/i;
