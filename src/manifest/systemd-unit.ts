export interface SystemdUnitOptions {
  /** Absolute path of the binary. */
  readonly binary: string;
  /** What follows the binary. */
  readonly args: readonly string[];
  /** For the description. */
  readonly address: string;
}

/** A service for hosts without kubelet, with no more rights than IPVS, routes, rules and kernel settings need. */
export function renderSystemdUnit({ binary, args, address }: SystemdUnitOptions): string {
  return `[Unit]
Description=LVScare: keeps the virtual server ${address} honest
Documentation=man:lvscare(8)
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
WatchdogSec=30
ExecStart=${[binary, ...args].map(quote).join(" ")}
Restart=always
RestartSec=1
# The rules stay while it restarts: traffic outlives the daemon.
# For iptables, where there is no nftables; /run is read-only otherwise.
ReadWritePaths=-/run/xtables.lock
RuntimeDirectory=lvscare
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes

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

/** One word for systemd (systemd.syntax(7), systemd.service(5)): specifiers and variables stay what they are. */
function quote(word: string): string {
  const text = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[\w@%+=:,./$[\]-]+$/.test(text)) return text;
  // A carriage return ends a line of a unit, too.
  const inside = text.replaceAll(/["\\]/g, "\\$&").replaceAll(/\p{Cc}/gu, escaped);
  return `"${inside}"`;
}

function escaped(control: string): string {
  return [...new TextEncoder().encode(control)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
