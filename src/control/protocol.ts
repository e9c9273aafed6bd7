/** The local API: HTTP over a unix socket, one socket for each virtual server that a daemon cares for. */
export const STATUS_PATH = "/v1/status";

/** More than a daemon with ten thousand real servers has to say. */
export const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024;

export const SOCKET_SUFFIX = ".sock";
