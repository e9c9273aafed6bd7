import { join, resolve } from "node:path";
import { checkout } from "../test/checkout.ts";

/** The entry points of what is handed out: the SDK and the program. */
export const ENTRY_POINTS = ["src/index.ts", "src/cli/main.ts"].map((file) => join(checkout, file));

/** The licences of the libraries that the bundler really takes in, for everything that is handed out with them inside. */
export async function thirdPartyLicences(): Promise<string> {
  const { metafile } = await Bun.build({ entrypoints: ENTRY_POINTS, target: "bun", metafile: true });
  if (metafile === undefined) throw new Error("the bundler did not tell what it bundled");
  const inputs = Object.keys(metafile.inputs).map((path) => resolve(path));
  const folders = new Set(inputs.map((path) => PACKAGE_FOLDER.exec(path)?.[0]).filter((path) => path !== undefined));
  const parts = await Promise.all([...folders].toSorted().map(licenceOf));
  return [...parts, RUNTIME].join(`\n${"-".repeat(80)}\n\n`);
}

// --- internal ---

const PACKAGE_FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;

const RUNTIME = `bun, only in the compiled binaries and the image

Copyright (c) Jarred Sumner and the Bun contributors, MIT License. Bun links statically with JavaScriptCore and other parts of WebKit
(LGPL-2.0 and BSD) and with further libraries; bun.com/docs/project/licensing lists them and tells how to link anew.
`;

async function licenceOf(folder: string): Promise<string> {
  const { name, version } = (await Bun.file(join(folder, "package.json")).json()) as { name: string; version: string };
  return `${name} ${version}\n\n${await Bun.file(join(folder, "LICENSE")).text()}`;
}
