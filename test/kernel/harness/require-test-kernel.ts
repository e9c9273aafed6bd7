import { type Needs, unmet } from "./labs.ts";

/** What a kernel test file says of itself. */
export interface Declaration extends Needs {
  /** What it reads or writes are structures of the kernel, so that the gate runs it on a second version as well. */
  readonly everyVersion?: boolean;
  /** It runs the npm package and the image, not the binary alone. */
  readonly deliveries?: boolean;
  /** It looks at the page in a browser. */
  readonly browser?: boolean;
}

/**
 * For the top of each kernel test file: these tests change the kernel's tables, so only the runner may start them, and in a lab that has
 * what they need. The runner reads the declaration from the file's text (`declarationOf`): it is a literal on one line.
 */
export function requireTestKernel(needs: Declaration = {}): void {
  const lab = process.env["LVSCARE_LAB"];
  if (lab === undefined) throw new Error('kernel tests run by "bun run test kernel" or "bun run vm test"');
  const missing = unmet(needs, lab);
  if (missing.length > 0) throw new Error(`these tests need ${missing.join(" and ")}, which the lab ${lab} lacks`);
}

/** From the text of a kernel test file, which can be imported in a lab alone. */
export function declarationOf(source: string): Declaration {
  const [call, literal] = /^requireTestKernel\((\{.*\})?\);$/m.exec(source) ?? [];
  if (call === undefined) throw new Error("a kernel test file calls requireTestKernel at its top, on one line");
  // A YAML mapping in flow style is written as an object literal is.
  return literal === undefined ? {} : (Bun.YAML.parse(literal) as Declaration);
}
