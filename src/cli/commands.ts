import type { CommandEntry } from "./command-entry.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "care",
    summary: "check the real servers behind a virtual server and keep the kernel's table true",
    load: async (context) => (await import("./commands/care.ts")).careCommand(context),
  },
  {
    name: "ipvs",
    summary: "the same under its name in sealctl, for use before a node joins and when it leaves",
    load: async (context) => (await import("./commands/ipvs.ts")).ipvsCommand(context),
  },
  {
    name: "status",
    summary: "show the virtual servers of this host and the health of their real servers",
    load: async (context) => (await import("./commands/status.ts")).statusCommand(context),
  },
  {
    name: "events",
    summary: "show what happened to the virtual servers of this host, and why",
    load: async (context) => (await import("./commands/events.ts")).eventsCommand(context),
  },
  {
    name: "check",
    summary: "have the daemon check a real server now, and print what it found",
    load: async (context) => (await import("./commands/check.ts")).checkCommand(context),
  },
  {
    name: "drain",
    summary: "have a real server take no new connections, for maintenance",
    load: async (context) => (await import("./commands/drain.ts")).drainCommand(context),
  },
  {
    name: "undrain",
    summary: "end that",
    load: async (context) => (await import("./commands/undrain.ts")).undrainCommand(context),
  },
  {
    name: "weight",
    summary: "give a real server another weight than the configured one",
    load: async (context) => (await import("./commands/weight.ts")).weightCommand(context),
  },
  {
    name: "doctor",
    summary: "find what keeps a virtual server from working on this host, and say what to do",
    load: async (context) => (await import("./commands/doctor.ts")).doctorCommand(context),
  },
  {
    name: "static-pod",
    summary: "write the manifest of a static pod that gives this node its own way to the API servers",
    load: async (context) => (await import("./commands/static-pod.ts")).staticPodCommand(context),
  },
  {
    name: "systemd",
    summary: "print a hardened systemd service, for hosts without kubelet",
    load: async (context) => (await import("./commands/systemd.ts")).systemdCommand(context),
  },
  {
    name: "simulate",
    summary: "show what given settings would do to a virtual server whose real servers fail as a file says",
    load: async (context) => (await import("./commands/simulate.ts")).simulateCommand(context),
  },
  {
    name: "machine",
    summary: "draw the state machines of the daemon, from themselves",
    load: async (context) => (await import("./commands/machine.ts")).machineCommand(context),
  },
  {
    name: "completion",
    summary: "print a completion script for bash, zsh or fish",
    load: async (context) => (await import("./commands/completion.ts")).completionCommand(context, COMMANDS),
  },
  {
    name: "man",
    summary: "print the manual page",
    load: async (context) => (await import("./commands/man.ts")).manCommand(context, COMMANDS),
  },
  {
    name: "licences",
    summary: "print the licences of LVScare and of what is inside of it",
    load: async (context) => (await import("./commands/licences.ts")).licencesCommand(context),
  },
  {
    name: "version",
    summary: "print the version and what it was built from",
    load: async (context) => (await import("./commands/version.ts")).versionCommand(context),
  },
];
