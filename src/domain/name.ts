/** What people may call by its address, or by a name where it has one: a virtual server, or a real server. */
export interface Named {
  /** `10.103.97.12:6443` */
  readonly address: string;
  /** Absent where it has none. */
  readonly name?: string;
}

/** A DNS label (RFC 1123, 2.1): no address looks like one. */
export function isName(text: string): boolean {
  return /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(text);
}

/** Whether the word means this one: it is its address or its name. */
export function isCalled(word: string, { address, name }: Named): boolean {
  return word === address || word === name;
}

/** `web (10.103.97.12:6443)`; without a name only the address. */
export function describeNamed({
  address,
  name,
}: {
  readonly address: string;
  readonly name?: string | undefined;
}): string {
  return name === undefined ? address : `${name} (${address})`;
}

/** The same with its name, of those that are known by address; as it is where it has none. */
export function withName<T extends Named>(one: T, names: ReadonlyMap<string, string>): T {
  const name = names.get(one.address);
  return name === undefined ? one : { name, ...one };
}

/** The first of them, and a sign that there are more. */
export function listFirst(texts: readonly string[], separator = ", "): string {
  return [...texts.slice(0, MOST_LISTED), ...(texts.length > MOST_LISTED ? ["…"] : [])].join(separator);
}

// --- internal ---

const MOST_LISTED = 10;
