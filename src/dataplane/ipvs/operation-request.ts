import type { Operation } from "../../domain/plan.ts";
import type { ServiceKey } from "../../domain/virtual-server.ts";
import type { NetlinkRequest } from "../../netlink/connection.ts";
import {
  deleteDestination,
  deleteService,
  newDestination,
  newService,
  setDestination,
  setService,
} from "../../netlink/ipvs/requests.ts";

/** The kernel command of one operation on the virtual server `key`. */
export function operationRequest(family: number, key: ServiceKey, operation: Operation): NetlinkRequest {
  switch (operation.kind) {
    case "service.create":
      return newService(family, operation.service);
    case "service.update":
      return setService(family, operation.service);
    case "service.delete":
      return deleteService(family, operation.service);
    case "server.add":
      return newDestination(family, key, operation.server);
    case "server.update":
      return setDestination(family, key, operation.server);
    case "server.remove":
      return deleteDestination(family, key, operation.endpoint);
  }
}
