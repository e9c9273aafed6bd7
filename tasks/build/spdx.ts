/** A package of an artefact, as SPDX knows it. */
export interface SpdxPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression; absent where nobody declared one. */
  readonly license?: string;
  /** Where it comes from, as scanners look it up (package URL). */
  readonly purl: string;
  readonly supplier?: string;
  readonly checksum?: SpdxChecksum;
  readonly comment?: string;
}

export interface SpdxChecksum {
  readonly algorithm: "SHA256" | "SHA512";
  /** In hexadecimal. */
  readonly value: string;
}

/** What is handed out, in one file. */
export interface SpdxArtefact extends Omit<SpdxPackage, "checksum" | "supplier"> {
  readonly fileName: string;
  readonly checksum: SpdxChecksum;
  readonly packages: readonly SpdxPackage[];
}

/** A bill of materials in SPDX 2.3, as JSON: the same artefact at the same date gives the same bytes. */
export function renderSpdx(artefact: SpdxArtefact, created: Date): string {
  const { fileName, checksum, packages } = artefact;
  const inside = packages.map((one) => ({ id: idOf(one), ...one }));
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: DOCUMENT,
    name: fileName,
    documentNamespace: `https://spdx.org/spdxdocs/${fileName}-${checksum.value}`,
    creationInfo: {
      // SPDX has whole seconds.
      created: created.toISOString().replace(/\.\d+Z$/, "Z"),
      creators: [`Tool: ${artefact.name}-${artefact.version}`],
    },
    packages: [
      {
        ...renderPackage({ ...artefact, id: ARTEFACT }),
        packageFileName: fileName,
        primaryPackagePurpose: "APPLICATION",
      },
      ...inside.map(renderPackage),
    ],
    relationships: [
      { spdxElementId: DOCUMENT, relationshipType: "DESCRIBES", relatedSpdxElement: ARTEFACT },
      ...inside.map(({ id }) => ({
        spdxElementId: ARTEFACT,
        relationshipType: "CONTAINS",
        relatedSpdxElement: id,
      })),
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

// --- internal ---

const DOCUMENT = "SPDXRef-DOCUMENT";
const ARTEFACT = "SPDXRef-Artefact";

/** Letters, digits, dots and dashes are all that it may have (SPDX 2.3, 7.2). */
function idOf({ name, version }: SpdxPackage): string {
  return `SPDXRef-Package-${`${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]+/g, "-")}`;
}

function renderPackage({
  id,
  name,
  version,
  license,
  purl,
  supplier,
  checksum,
  comment,
}: SpdxPackage & { readonly id: string }) {
  return {
    SPDXID: id,
    name,
    versionInfo: version,
    ...(supplier !== undefined && { supplier }),
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    ...(checksum && { checksums: [{ algorithm: checksum.algorithm, checksumValue: checksum.value }] }),
    licenseConcluded: "NOASSERTION",
    licenseDeclared: license ?? "NOASSERTION",
    copyrightText: "NOASSERTION",
    ...(comment !== undefined && { comment }),
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
  };
}
