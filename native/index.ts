export { closeFd } from "./libc.ts";
