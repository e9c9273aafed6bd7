/** A place in one of the files of a configuration: a key or an item, and what it stands in. Absent above: the file. */
export interface Place {
  /** Which file: its index in the order of reading. */
  readonly document: number;
  readonly parent: Place | undefined;
  /** `undefined` for the file itself. */
  readonly key: string | number | undefined;
}

export function rootPlace(document: number): Place {
  return { document, parent: undefined, key: undefined };
}

export function within(parent: Place, key: string | number): Place {
  return { document: parent.document, parent, key };
}

/** From the outside in. */
export function keysOf(place: Place): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: Place | undefined = place; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys.toReversed();
}

/** `virtual-servers[1].real-servers[0].weight`; empty for the file itself. */
export function formatPlace(place: Place): string {
  return keysOf(place)
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      if (!/^[\w-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join("");
}
