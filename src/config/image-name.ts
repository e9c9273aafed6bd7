import { refusal } from "./value-parsers.ts";

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
