export { closeFd } from "./libc.ts";
export { bootClock } from "./boot-clock.ts";
export { watchSilence } from "./watch-silence.ts";
export { localEndpoint } from "./local-endpoint.ts";
export { openTcpSocket } from "./tcp-socket.ts";
export { claimName, type Claim, type ClaimRefusal } from "./claim.ts";
export { openListeningNetlink } from "./netlink-listening.ts";
export { NetlinkSocket, type NetlinkSocketOptions } from "./netlink-socket.ts";
export { sendToUnixSocket } from "./notify-socket.ts";
