import type { Paint } from "./colour.ts";
import type { Sort } from "./status-order.ts";

/** What is shown of a report, and how. */
export interface StatusView {
  readonly now: Date;
  /** Columns to stay within; undefined for as many as it takes. */
  readonly width: number | undefined;
  readonly paint: Paint;
  /** With forwarding and traffic of each real server, with what is checked, and with all that is kept on the host. */
  readonly wide?: boolean;
  /** However many there are. */
  readonly all?: boolean;
  /** Only those that people are to look at. */
  readonly onlyBad?: boolean;
  /** Of real servers; without it as they are listed, and where there are many, those to look at first. */
  readonly sort?: Sort | undefined;
  /** Only virtual and real servers that have all of these words in what is told of them. */
  readonly filter?: string;
}
