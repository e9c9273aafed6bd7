/**
 * The local API: HTTP over a unix socket, one socket for each daemon, whatever number of virtual servers it cares for.
 * `vs=<IP:port or name>` selects a virtual server; where a path takes several, it is repeated.
 */

/** The one virtual server; of several, `?vs=` selects it. */
export const STATUS_PATH = "/v1/status";
/** With `?after=<id>`: only events since that one. Of one virtual server, as above. */
export const EVENTS_PATH = "/v1/events";

/** `{ virtualServers: VirtualServerStatus[] }`: all, or those that `?vs=` selects. */
export const STATUSES_PATH = "/v1/statuses";
/**
 * `{ reports: EventReport[] }`, with `?after=<id>`: all, or those that `?vs=` selects. Ids are unique in the process.
 * What happened to the process itself is in the first report only.
 */
export const EVENT_REPORTS_PATH = "/v1/event-reports";
/** `{ virtualServers: MembersReport[] }`: where the real servers of each come from; all, or those that `?vs=` selects. */
export const MEMBERS_PATH = "/v1/members";
/** `DaemonListing`: what it cares for. Unlike a status, it needs no look at the kernel's table. */
export const DAEMON_PATH = "/v1/daemon";

/**
 * POST, with `?server=<IP:port or name>&change=drain|undrain|weight`, and with `weight` either `&weight=<n>` or
 * nothing for the configured one. `&by=<name>` is the operator, `&vs=` the virtual server where several have it.
 */
export const HOLD_PATH = "/v1/hold";
/** POST, with `?server=<IP:port or name>`, and `&vs=` where several have it: answers when the check is over. */
export const CHECK_PATH = "/v1/check";
/** POST: reads the configuration file again, and answers with a `ReloadReport` when that is done. */
export const RELOAD_PATH = "/v1/reload";

/** The error of a 404 for a path that a daemon does not know; real servers that it does not know have others. */
export const NO_SUCH_PATH = "no such path";

/** The status of a check that could not be made: what its error says is of that check, and not of the daemon. */
export const UNCHECKED = 422;

/** The versions of it that this program speaks. */
export const VERSIONS = ["v1"] as const;

/** Nothing that is asked needs a body. */
export const LARGEST_REQUEST_BYTES = 4096;

/** Answers in one second, to all askers together: each may be a read of the kernel's table. */
export const MOST_ANSWERS_PER_SECOND = 100;

/** More than a daemon with ten thousand real servers has to say. */
export const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024;

export const SOCKET_SUFFIX = ".sock";
