import { join, resolve } from "node:path";
import { checkout } from "../test/checkout.ts";

/** The entry points of what is handed out: the SDK and the program. */
export const ENTRY_POINTS = ["src/index.ts", "src/cli/main.ts"].map((file) => join(checkout, file));

/** A library that the bundler takes in. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As its manifest has it, an SPDX expression. */
  readonly license: string;
  /** Its notice, whole. */
  readonly notice: string;
}

/** The libraries that are inside of everything that is handed out, as the bundler tells of them, by name. */
export async function bundledPackages(): Promise<readonly BundledPackage[]> {
  const { metafile } = await Bun.build({ entrypoints: ENTRY_POINTS, target: "bun", metafile: true });
  if (metafile === undefined) throw new Error("the bundler did not tell what it bundled");
  const inputs = Object.keys(metafile.inputs).map((path) => resolve(path));
  const folders = new Set(inputs.map((path) => PACKAGE_FOLDER.exec(path)?.[0]).filter((path) => path !== undefined));
  return Promise.all([...folders].toSorted().map(readPackage));
}

/** The notices that whoever hands out the program must hand out with it, for `lvscare licences` and the file beside the binaries. */
export function renderLicences(packages: readonly BundledPackage[]): string {
  const parts = packages.map(({ name, version, notice }) => `${name} ${version}\n\n${notice}`);
  return [...parts, RUNTIME].join(`\n${"-".repeat(80)}\n\n`);
}

// --- internal ---

const PACKAGE_FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;

const RUNTIME = `bun, only in the compiled binaries and the image

MIT License

Copyright (c) Jarred Sumner and the Bun contributors

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

Bun links statically with JavaScriptCore and other parts of WebKit (LGPL-2.0 and BSD), BoringSSL (several licences), brotli (MIT), c-ares
(MIT), ICU (Unicode), libarchive (several licences), libbase64 (BSD-2-Clause), libdeflate (MIT), lol-html (BSD-3-Clause), mimalloc (MIT),
picohttpparser (MIT), simdutf (Apache-2.0), TinyCC (LGPL-2.1), uSockets and uWebSockets (Apache-2.0), zlib (Zlib), zstd (BSD-3-Clause) and
further ones: bun.com/docs/project/licensing lists them, has their notices and tells how to link anew.
`;

async function readPackage(folder: string): Promise<BundledPackage> {
  const manifest = (await Bun.file(join(folder, "package.json")).json()) as Omit<BundledPackage, "notice">;
  const { name, version, license } = manifest;
  return { name, version, license, notice: await Bun.file(join(folder, "LICENSE")).text() };
}
