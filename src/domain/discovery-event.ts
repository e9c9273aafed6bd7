/** What happens to the members that a source tells of. Servers are formatted endpoints; `source` is in words. */
export type DiscoveryEvent =
  /** The list that counts is another one now. */
  | {
      readonly type: "members.listed";
      readonly source: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
      readonly total: number;
    }
  /** The source tells of fewer, and these stay all the same. */
  | {
      readonly type: "members.kept";
      readonly source: string;
      /**
       * `empty`: it tells of nobody; `too-many`: of too many no longer; `last-healthy`: nobody whom it tells of has
       * proved itself yet.
       */
      readonly guard: "empty" | "too-many" | "last-healthy";
      readonly servers: readonly string[];
      /** Of `too-many`: how long the source has to say so. */
      readonly confirmMs?: number;
    }
  /** One that the source tells of cannot be a real server here. */
  | { readonly type: "members.ignored"; readonly source: string; readonly server: string; readonly reason: string }
  /** The source cannot be read: what is known stays. Again only for another reason. */
  | { readonly type: "members.missed"; readonly source: string; readonly reason: string }
  /** That is over. */
  | { readonly type: "members.found"; readonly source: string }
  /** Nobody of the list serves: these, listed or known before, are checked, too. */
  | { readonly type: "members.recalled"; readonly source: string; readonly servers: readonly string[] }
  /** That is over. */
  | { readonly type: "members.dismissed"; readonly source: string }
  /** An operator drains these addresses on every node of the cluster. */
  | {
      readonly type: "members.drained";
      readonly source: string;
      readonly addresses: readonly string[];
      readonly by?: string;
    }
  /** That is over. */
  | { readonly type: "members.undrained"; readonly source: string; readonly addresses: readonly string[] }
  /** The list could not be written down, or read again. */
  | { readonly type: "members.unkept"; readonly reason: string };
