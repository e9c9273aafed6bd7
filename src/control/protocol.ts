/** The local API: HTTP over a unix socket, one socket for each virtual server that a daemon cares for. */
export const STATUS_PATH = "/v1/status";
/** With `?after=<id>`: only events since that one. */
export const EVENTS_PATH = "/v1/events";

/**
 * POST, with `?server=<IP:port>&change=drain|undrain|weight`, and with `weight` either `&weight=<n>` or nothing for
 * the configured one. `&by=<name>` is the operator.
 */
export const HOLD_PATH = "/v1/hold";
/** POST, with `?server=<IP:port>`: answers when the check is over. */
export const CHECK_PATH = "/v1/check";

/** The error of a 404 for a path that a daemon does not know; real servers that it does not know have others. */
export const NO_SUCH_PATH = "no such path";

/** The versions of it that this program speaks. */
export const VERSIONS = ["v1"] as const;

/** Nothing that is asked needs a body. */
export const LARGEST_REQUEST_BYTES = 4096;

/** Answers in one second, to all askers together: each is a read of the kernel's table. */
export const MOST_ANSWERS_PER_SECOND = 100;

/** More than a daemon with ten thousand real servers has to say. */
export const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024;

export const SOCKET_SUFFIX = ".sock";
