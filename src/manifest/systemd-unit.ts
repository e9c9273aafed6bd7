import { RUNTIME_VARIABLES } from "./runtime-environment.ts";

export type SystemdUnitOptions = {
  /** Absolute path of the binary. */
  readonly binary: string;
  /** What follows the binary. */
  readonly args: readonly string[];
} & (
  | {
      /** Of the virtual server, for the description. */
      readonly address: string;
    }
  | {
      /** The file that has the virtual servers, and that is read again at SIGHUP. */
      readonly configFile: string;
    }
);

/** A service for hosts without kubelet, with no more rights than IPVS, routes, rules and kernel settings need. */
export function renderSystemdUnit({ binary, args, ...of }: SystemdUnitOptions): string {
  const what = "address" in of ? `the virtual server ${of.address}` : `the virtual servers of ${of.configFile}`;
  return `[Unit]
Description=LVScare: keeps ${escapeSpecifiers(what)} honest
Documentation=man:lvscare(8)
Wants=network-online.target
After=network-online.target
# What it lacks at the start may come, such as a file: systemd would give up after five attempts in ten seconds.
StartLimitIntervalSec=0

[Service]
Type=notify
${"configFile" in of ? NOTIFY_RELOAD : ""}NotifyAccess=main
WatchdogSec=30
${"configFile" in of ? RUNTIME : ""}ExecStart=${[binary, ...args].map(quote).join(" ")}
Restart=always
# The rules stay while it restarts: traffic outlives the daemon.
RestartSec=1
# For iptables, where there is no nftables; /run is read-only otherwise.
ReadWritePaths=-/run/xtables.lock
RuntimeDirectory=lvscare
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
# Where discovered members are remembered.
StateDirectory=lvscare
StateDirectoryMode=0700

AmbientCapabilities=
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW
LimitNOFILE=65536
NoNewPrivileges=yes
LockPersonality=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077

[Install]
WantedBy=multi-user.target
`;
}

// --- internal ---

const NOTIFY_RELOAD = `# Before systemd 253, this is unknown and the line above counts: lvscare reload does it there.
Type=notify-reload
`;

const RUNTIME = `# Less processor time while nothing happens, for a little memory.
Environment=${RUNTIME_VARIABLES.join(" ")}
`;

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}

/** One word for systemd (systemd.syntax(7), systemd.service(5)): specifiers and variables stay what they are. */
function quote(word: string): string {
  const text = escapeSpecifiers(word).replaceAll("$", "$$$$");
  if (/^[\w@%+=:,./$[\]-]+$/.test(text)) return text;
  // A carriage return ends a line of a unit, too.
  const inside = text.replaceAll(/["\\]/g, "\\$&").replaceAll(/\p{Cc}/gu, escaped);
  return `"${inside}"`;
}

function escaped(control: string): string {
  return [...new TextEncoder().encode(control)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
