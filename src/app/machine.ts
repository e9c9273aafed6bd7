export { machineGraph, MACHINES, type MachineGraph } from "../actors/machine-graph.ts";
