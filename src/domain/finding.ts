/** What an examination of this host found. `unknown`: it could not be looked at; the message says why. */
export type FindingState = "ok" | "note" | "problem" | "unknown";

/** The virtual or real server that a finding is about; neither for the host itself. */
export interface FindingSubject {
  /** `tcp 10.103.97.2:6443` */
  readonly virtualServer?: string;
  /** `192.168.0.2:6443` */
  readonly realServer?: string;
}

/**
 * One finding. A problem keeps clients from being served; a note may do so under some circumstances. Both have a
 * remedy.
 */
export type Finding = FindingSubject & {
  /** What was examined: `kernel`, `route`, `connection`. */
  readonly check: string;
  readonly message: string;
} & (
    | { readonly state: "note" | "problem"; readonly remedy: string }
    | { readonly state: "ok" | "unknown"; readonly remedy?: string }
  );

/** What `lvscare doctor` shows. Plain data that survives JSON. */
export interface DoctorReport {
  readonly version: string;
  /** The virtual servers that were examined. */
  readonly virtualServers: readonly string[];
  readonly counts: Readonly<Record<FindingState, number>>;
  readonly findings: readonly Finding[];
}

export function ok(check: string, message: string, subject: FindingSubject = {}): Finding {
  return { state: "ok", check, message, ...subject };
}

export function unknown(check: string, message: string, subject: FindingSubject = {}): Finding {
  return { state: "unknown", check, message, ...subject };
}

export function note(check: string, message: string, remedy: string, subject: FindingSubject = {}): Finding {
  return { state: "note", check, message, remedy, ...subject };
}

export function problem(check: string, message: string, remedy: string, subject: FindingSubject = {}): Finding {
  return { state: "problem", check, message, remedy, ...subject };
}

export function countFindings(findings: readonly Finding[]): DoctorReport["counts"] {
  const count = (state: FindingState): number => findings.filter((finding) => finding.state === state).length;
  return { ok: count("ok"), unknown: count("unknown"), note: count("note"), problem: count("problem") };
}
