import { describeDataPlane } from "./contract.ts";
import { openStage } from "./userspace/open-stage.ts";

describeDataPlane("userspace", () => openStage());
