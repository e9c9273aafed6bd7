import type { CommandEntry } from "./command.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "care",
    summary: "check the real servers behind a virtual server and keep the kernel's table true",
    load: async () => (await import("./commands/care.ts")).careCommand,
  },
  {
    name: "ipvs",
    summary: "the same under its name in sealctl, for use before a node joins and when it leaves",
    load: async () => (await import("./commands/ipvs.ts")).ipvsCommand,
  },
  {
    name: "check-config",
    summary: "find what is wrong with a configuration file, and where",
    load: async () => (await import("./commands/check-config.ts")).checkConfigCommand,
  },
  {
    name: "config",
    summary: "write a configuration file from flags, or the JSON Schema of such files",
    load: async () => (await import("./commands/config.ts")).configCommand,
  },
  {
    name: "status",
    summary: "show the virtual servers of this host and the health of their real servers",
    load: async () => (await import("./commands/status.ts")).statusCommand,
  },
  {
    name: "events",
    summary: "show what happened to the virtual servers of this host, and why",
    load: async () => (await import("./commands/events.ts")).eventsCommand,
  },
  {
    name: "members",
    summary: "show where the real servers of each virtual server come from",
    load: async () => (await import("./commands/members.ts")).membersCommand,
  },
  {
    name: "check",
    summary: "have the daemon check a real server now, and print what it found",
    load: async () => (await import("./commands/check.ts")).checkCommand,
  },
  {
    name: "drain",
    summary: "have a real server take no new connections, for maintenance",
    load: async () => (await import("./commands/drain.ts")).drainCommand,
  },
  {
    name: "undrain",
    summary: "end that",
    load: async () => (await import("./commands/undrain.ts")).undrainCommand,
  },
  {
    name: "weight",
    summary: "give a real server another weight than the configured one",
    load: async () => (await import("./commands/weight.ts")).weightCommand,
  },
  {
    name: "reload",
    summary: "have a daemon read its configuration file again, and print what that changes",
    load: async () => (await import("./commands/reload.ts")).reloadCommand,
  },
  {
    name: "doctor",
    summary: "find what keeps a virtual server from working on this host, and say what to do",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  {
    name: "static-pod",
    summary: "write the manifest of a static pod that gives this node its own way to the API servers",
    load: async () => (await import("./commands/static-pod.ts")).staticPodCommand,
  },
  {
    name: "daemonset",
    summary: "print the objects that run a daemon on every node of a Kubernetes cluster",
    load: async () => (await import("./commands/daemonset.ts")).daemonsetCommand,
  },
  {
    name: "kustomize",
    summary: "write the same as a base for kustomize",
    load: async () => (await import("./commands/kustomize.ts")).kustomizeCommand,
  },
  {
    name: "rbac",
    summary: "print what lets nodes watch who the members of a service of Kubernetes are",
    load: async () => (await import("./commands/rbac.ts")).rbacCommand,
  },
  {
    name: "systemd",
    summary: "print a hardened systemd service, for hosts without kubelet",
    load: async () => (await import("./commands/systemd.ts")).systemdCommand,
  },
  {
    name: "sysctls",
    summary: "print or make the kernel settings that daemons with few rights cannot make",
    load: async () => (await import("./commands/sysctls.ts")).sysctlsCommand,
  },
  {
    name: "simulate",
    summary: "show what given settings would do to a virtual server whose real servers fail as a file says",
    load: async () => (await import("./commands/simulate.ts")).simulateCommand,
  },
  {
    name: "machine",
    summary: "draw the state machines of the daemon, from themselves",
    load: async () => (await import("./commands/machine.ts")).machineCommand,
  },
  {
    name: "completion",
    summary: "print a completion script for bash, zsh or fish",
    load: async () => (await import("./commands/completion.ts")).completionCommand(COMMANDS),
  },
  {
    name: "man",
    summary: "print the manual page",
    load: async () => (await import("./commands/man.ts")).manCommand(COMMANDS),
  },
  {
    name: "licences",
    summary: "print the licences of LVScare and of what is inside of it",
    load: async () => (await import("./commands/licences.ts")).licencesCommand,
  },
  {
    name: "version",
    summary: "print the version and what it was built from",
    load: async () => (await import("./commands/version.ts")).versionCommand,
  },
];
