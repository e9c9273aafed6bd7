// Written by `bun run schema` from the table of options: change that, and not this.

/**
 * What `createLvscare` cares for: what a configuration file says, its keys in camel case. null stands for the built-in
 * value of an option.
 */
export interface LvscareConfig {
  /** The version of this format. */
  readonly version?: 1;
  /**
   * Show a page, and tell metrics, health and status over HTTP, to read only, to whoever gets there: on loopback when
   * only a port is given (default: off).
   */
  readonly httpListen?: number | string | null;
  /**
   * Checks under way at the same time, of all virtual servers; who has waited longest for a result comes next (default
   * 256); from 1 to 4096.
   */
  readonly maxConcurrentChecks?: number | null;
  /**
   * What all nodes of a cluster together ask of one real server, such as 50/s: this node keeps to its share, whatever
   * its intervals say (default: no limit).
   */
  readonly checksPerServer?: string | null;
  /**
   * How many nodes share checksPerServer (default: as many as there are, where a discovery of type kubernetes may count
   * them, else this one alone); from 1 to 100000.
   */
  readonly clusterNodes?: number | null;
  /**
   * Where discovered real servers are remembered, so that a daemon that starts while nobody tells of them knows them
   * (default /var/lib/lvscare).
   */
  readonly cacheDirectory?: string | null;
  /** Options of each virtual server that says nothing else. */
  readonly defaults?: VirtualServerDefaults | null;
  /** Probes by name, for several virtual servers to use. */
  readonly probes?: { readonly [name: string]: ProbeConfig & Required<Pick<ProbeConfig, "type">> } | null;
  /** What clients connect to, and who serves them. */
  readonly virtualServers: readonly VirtualServerConfig[];
}

/** What virtual servers may have in common. */
export interface VirtualServerDefaults {
  /** The weight of each real server, from 1 to 65535 (default 1). */
  readonly weight?: number | null;
  /**
   * How connections are spread over the real servers: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos
   * (default rr).
   */
  readonly scheduler?:
    | "rr"
    | "wrr"
    | "lc"
    | "wlc"
    | "lblc"
    | "lblcr"
    | "dh"
    | "sh"
    | "sed"
    | "nq"
    | "fo"
    | "ovf"
    | "mh"
    | "twos"
    | null;
  /**
   * What moves the packets: ipvs (the kernel), userspace (a TCP proxy in this process) or auto (ipvs where it works)
   * (default auto).
   */
  readonly dataPlane?: "auto" | "ipvs" | "userspace" | null;
  /**
   * How a real server starts that the kernel's table knows nothing of: down proves itself with one good check first, up
   * takes traffic at once (default down).
   */
  readonly initState?: "down" | "up" | null;
  /** Leave real servers of this virtual server alone that are not listed, instead of draining and removing them. */
  readonly keepForeign?: boolean | null;
  /**
   * From one check of a real server to its next, at most (they come up to a tenth early, so as not to fall into step,
   * and sooner where a real server closes idle connections): whole seconds, or a duration like 500ms (default 5s).
   */
  readonly interval?: Time | null;
  /** The same while a verdict is in doubt: fewer failures than fall, fewer successes than rise (default: interval). */
  readonly intervalFast?: Time | null;
  /** The same while a real server is removed (default: interval). */
  readonly intervalDown?: Time | null;
  /** Failed checks in a row that take a healthy real server out (default 1); from 1 to 1000. */
  readonly fall?: number | null;
  /** Good checks in a row that bring a real server back (default 1); from 1 to 1000. */
  readonly rise?: number | null;
  /**
   * How long a failed real server stays at weight 0: until the next-check that fails, or until it has no open
   * connections any more; one that cannot be reached at all is not waited for (default next-check).
   */
  readonly drain?: "next-check" | "connections" | null;
  /** The longest that drain connections waits (default 1m). */
  readonly drainTimeout?: Time | null;
  /**
   * A real server that comes back climbs to its weight in this time, instead of at once; for schedulers that heed
   * weights, with weight above 1 (default 0).
   */
  readonly slowStart?: Time | null;
  /**
   * Fail open: with less than this percentage of the real servers healthy, keep those in service that are not removed
   * yet, whatever their checks say; 0: never (default 0).
   */
  readonly panicThreshold?: number | `${number}%` | null;
  /**
   * With no real server healthy, keep in service, or take back, those that served before and still accept connections;
   * false: clients are not served (default true).
   */
  readonly lastResort?: boolean | null;
  /**
   * Keep a connection to each real server between checks: when it ends, or the link or neighbour it goes through fails,
   * the server is checked at once; false: keep none, and make a new connection for every check (default true).
   */
  readonly sentinel?: boolean | null;
  /**
   * A real server is checked at once, too, when its host acknowledges nothing on that connection for so long, and fails
   * a check that neither this connection nor several new ones beside it get through to; raise it for real servers far
   * away (default 300ms).
   */
  readonly sentinelTimeout?: Time | null;
  /**
   * How this host gets to the virtual IP: route (a route through ip), link (a dummy interface) or none; empty means
   * none (default route).
   */
  readonly mode?: "route" | "link" | "none" | null;
  /** The gateway of route mode, usually this node's own address; where it is not given, it is found. */
  readonly ip?: string | null;
  /** The dummy interface of link mode (default lvscare). */
  readonly iface?: string | null;
  /** The bit of the packet mark that marks packets to masquerade in link mode, 0 to 31 (default 0). */
  readonly masqueradebit?: number | null;
  /**
   * manage sets the kernel settings that IPVS and the mode need and keeps them so, keep leaves all of them alone
   * (default manage).
   */
  readonly sysctls?: "manage" | "keep" | null;
  /**
   * In link mode, have no link of this host but the dummy answer for the virtual address: for networks whose hosts
   * share it.
   */
  readonly strictArp?: boolean | null;
  /**
   * Connect through the virtual address from this host when the first real server comes into service, after each change
   * of what leads there, and once a minute; tells whether clients get through, and changes no weight (default true).
   */
  readonly checkWay?: boolean | null;
  /**
   * Check a real server at once when its clients seem to get no answer, and while that check gets none either, have no
   * new clients for it as long as another one serves; by what IPVS counts of connections and packets, so with
   * masquerading alone (default true).
   */
  readonly suspicion?: boolean | null;
  /** Clients stay with the real server that they had. */
  readonly persistence?: PersistenceConfig | null;
  /** Who finds the real servers, beside those that are listed. */
  readonly discover?: DiscoverConfig | null;
  /** How real servers are checked: a probe, or the name of one under probes. */
  readonly probe?: ProbeConfig | string | null;
  /** Several probes that decide together, instead of one. */
  readonly probes?: CombinationConfig | null;
}

/** A virtual server, and how it is cared for. */
export interface VirtualServerConfig extends VirtualServerDefaults {
  /** A label for people: changing it changes nothing else. */
  readonly name?: string;
  /** The address that clients connect to. */
  readonly address: string;
  /** Who serves; may be absent beside discover. */
  readonly realServers?: readonly (string | RealServerConfig)[];
}

/** A real server of which more is said than its address. */
export interface RealServerConfig {
  /** Where it serves. */
  readonly address: string;
  /** A label for people. */
  readonly name?: string;
  /** Its weight, from 1 to 65535 (default: that of the virtual server). */
  readonly weight?: number | null;
  /** Takes no new connections. */
  readonly drained?: boolean | null;
  /** How it is checked, instead of as the others are: a probe, or the name of one under probes. */
  readonly probe?: (ProbeConfig & Required<Pick<ProbeConfig, "type">>) | string | null;
  /** Several probes that decide together about it. */
  readonly probes?: CombinationConfig | null;
}

/** Clients stay with the real server that they had. */
export interface PersistenceConfig {
  /** For how long after its last connection. */
  readonly timeout?: Time | null;
  /** IPv4 clients whose addresses begin with as many equal bits count as one; from 1 to 32. */
  readonly prefix?: number | null;
  /** The same of IPv6 clients; from 1 to 128. */
  readonly prefixIpv6?: number | null;
}

/** How real servers are checked. */
export interface ProbeConfig {
  /**
   * What is asked: http asks for a page; tcp connects, and may send and expect something; tls makes a handshake;
   * kube-apiserver asks an API server of Kubernetes whether it is ready; exec runs a program; agent asks a program at
   * the real server, by HAProxy's agent protocol.
   */
  readonly type?: "http" | "tcp" | "tls" | "kube-apiserver" | "exec" | "agent";
  /** What it is called where several decide together (default: its type). */
  readonly name?: string;
  /** Interval of this probe (default: that of the virtual server). */
  readonly interval?: Time | null;
  /** IntervalFast of this probe (default: that of the virtual server). */
  readonly intervalFast?: Time | null;
  /** IntervalDown of this probe (default: that of the virtual server). */
  readonly intervalDown?: Time | null;
  /** Fall of this probe (default: that of the virtual server); from 1 to 1000. */
  readonly fall?: number | null;
  /** Rise of this probe (default: that of the virtual server); from 1 to 1000. */
  readonly rise?: number | null;
  /** The name of the host that is asked for. */
  readonly host?: string | null;
  /** The path to ask for, with a query if need be (default /healthz). */
  readonly path?: string | null;
  /** http or https (default https). */
  readonly scheme?: "http" | "https" | null;
  /** The request's method (default GET). */
  readonly method?: string | null;
  /** The request's body. */
  readonly body?: string | null;
  /** Request headers by name; a list of values makes several headers of that name. */
  readonly headers?: { readonly [name: string]: string | readonly string[] | null } | null;
  readonly expect?: {
    /** The status codes that pass, alone or as ranges such as 200-299, instead of all below 400. */
    readonly status?:
      | number
      | `${number}`
      | `${number}-${number}`
      | readonly (number | `${number}` | `${number}-${number}`)[]
      | null;
    /** Headers that an answer has to have: a regular expression for the value of each, by name. */
    readonly header?: { readonly [name: string]: string } | null;
    /**
     * What the body has to hold: contains, regex, sha256, and not with contains or regex; at most 64 KiB are looked at.
     */
    readonly body?: {
      /** Text that is in it. */
      readonly contains?: string;
      /** A regular expression that fits a part of it. */
      readonly regex?: string;
      /** Of the whole body, in hexadecimal. */
      readonly sha256?: string;
      readonly not?: {
        /** Text that is in it. */
        readonly contains?: string;
        /** A regular expression that fits a part of it. */
        readonly regex?: string;
      };
    } | null;
    /** Text that the server has to say, whatever comes before it; without anything to send it has to speak first. */
    readonly contains?: string | null;
    /** Text that it has to begin with. */
    readonly startsWith?: string | null;
    /** A regular expression that a part of what it says has to match. */
    readonly regex?: string | null;
    /** Bytes in hexadecimal that it has to say, whatever comes before them. */
    readonly hex?: string | null;
    /** The number of bytes that it may take for that (default 65536); from 1 to 65536. */
    readonly within?: number | null;
  } | null;
  /** Make a new connection for every check; otherwise the first two have one, every tenth, and the first after 20s. */
  readonly freshConnection?: boolean | null;
  /** A file whose first line is sent as bearer token. Read again when it changes. */
  readonly bearerTokenFile?: string | null;
  /** A file whose first line is user:password, which is sent by the scheme Basic. Read again when it changes. */
  readonly basicAuthFile?: string | null;
  /** A file of further request headers, Name: value on a line each. Read again when it changes. */
  readonly headersFile?: string | null;
  /** Same-server (unless told) follows a redirect to the same address, port and scheme; no has its status decide. */
  readonly followRedirects?: "same-server" | "no" | null;
  /** Tell the real server how it stands: X-Lvscare-State: UP 3/3; weight=1/3; active=12. */
  readonly sendState?: boolean | null;
  /** Status codes, alone or as ranges, that say that the server is shutting down: weight 0 at once, and no failure. */
  readonly drainOn?:
    | number
    | `${number}`
    | `${number}-${number}`
    | readonly (number | `${number}` | `${number}-${number}`)[]
    | null;
  /** Status codes, alone or as ranges, whose failure counts at once, whatever fall says. */
  readonly failAtOnce?:
    | number
    | `${number}`
    | `${number}-${number}`
    | readonly (number | `${number}` | `${number}-${number}`)[]
    | null;
  readonly tls?: {
    /**
     * none takes any certificate, ca wants one of an authority that is trusted, full one for the server's name or IP,
     * too (default none, with caFile full).
     */
    readonly verify?: "none" | "ca" | "full" | null;
    /**
     * The authorities to trust, in PEM, instead of the system's; certificates are then verified. Read again when it
     * changes.
     */
    readonly caFile?: string | null;
    /** A certificate, in PEM, for servers that ask for one; its key in the same file or in keyFile. */
    readonly certFile?: string | null;
    /** The key of that certificate, in PEM. */
    readonly keyFile?: string | null;
    /**
     * The name that is sent to the server, and that its certificate has to fit when it is verified (default: none, and
     * its IP).
     */
    readonly serverName?: string | null;
    /**
     * For how many days a certificate has to be valid still, whatever verify says; 0 refuses those that have expired
     * (default: verify decides); from 0 to 3650.
     */
    readonly minDaysLeft?: number | null;
    /**
     * The protocols to offer (ALPN), the most wanted first; the server has to choose one of them (default: none are
     * offered).
     */
    readonly alpn?: string | readonly string[] | null;
  } | null;
  /** For a whole check: connecting, TLS, headers and body (default 10s). */
  readonly timeout?: Time | null;
  /** For connecting alone; never longer than timeout or interval (default 3s). */
  readonly connectTimeout?: Time | null;
  /** The address to ask, instead of the real server's. */
  readonly address?: string | null;
  /** The port to ask, instead of the real server's; from 1 to 65535. */
  readonly port?: number | null;
  /** The address of this host to ask from. */
  readonly source?: string | null;
  /** A mark for its packets, for rules of the firewall and of routing; from 1 to 4294967295. */
  readonly mark?: number | null;
  /** What to send first. */
  readonly send?: string | null;
  /** The same as bytes in hexadecimal. */
  readonly sendHex?: string | null;
  /**
   * none takes any certificate, ca wants one of an authority that is trusted, full one for the server's name or IP, too
   * (default none, with caFile full).
   */
  readonly verify?: "none" | "ca" | "full" | null;
  /**
   * The authorities to trust, in PEM, instead of the system's; certificates are then verified. Read again when it
   * changes.
   */
  readonly caFile?: string | null;
  /** A certificate, in PEM, for servers that ask for one; its key in the same file or in keyFile. */
  readonly certFile?: string | null;
  /** The key of that certificate, in PEM. */
  readonly keyFile?: string | null;
  /**
   * The name that is sent to the server, and that its certificate has to fit when it is verified (default: none, and
   * its IP).
   */
  readonly serverName?: string | null;
  /**
   * The protocols to offer (ALPN), the most wanted first; the server has to choose one of them (default: none are
   * offered).
   */
  readonly alpn?: string | readonly string[] | null;
  /**
   * For how many days a certificate has to be valid still, whatever verify says; 0 refuses those that have expired
   * (default: verify decides); from 0 to 3650.
   */
  readonly minDaysLeft?: number | null;
  /**
   * A kubeconfig, whose authority, client certificate and token checks of API servers use. Its server is not asked.
   * Read again when it changes.
   */
  readonly kubeconfig?: string | null;
  /**
   * What it means when the API server tells nothing without credentials (401, 403): that it is alive, or fail (default
   * alive).
   */
  readonly unauthorized?: "alive" | "fail" | null;
  /** Parts of its readiness that do not count, by their names there, such as etcd. */
  readonly ignore?: string | readonly string[] | null;
  /** Ask whether it is alive (/livez), instead of whether it is ready (/readyz). */
  readonly livez?: boolean | null;
  /** The program's absolute path and its arguments, a list: there is no shell. */
  readonly command?: readonly string[] | null;
  /**
   * What exit codes mean: health (0 passes, others fail), or weight (0 passes, 1 fails, 2 to 255 pass with a weight of
   * 0 to 253) (default health).
   */
  readonly exitCode?: "health" | "weight" | null;
  /**
   * What it writes: text (the first line is the reason), or json ({"healthy": true, "weight": 10, "drain": false,
   * "reason": "…"}) (default text).
   */
  readonly output?: "text" | "json" | null;
  /** The user it runs as, with the main group of that user alone; needs root. */
  readonly user?: string | null;
  /**
   * Variables of its environment, beside PATH and LVSCARE_VIRTUAL_SERVER, _REAL_SERVER, _ADDRESS, _PORT, _STATE and
   * _WEIGHT.
   */
  readonly environment?: { readonly [name: string]: string } | null;
  /** The directory that it runs in (default /). */
  readonly directory?: string | null;
  /** For how long what the agent said counts once it is not heard any more (default: ten times its interval). */
  readonly staleAfter?: Time | null;
}

/** Several probes that decide together: all, any, or atLeast with of. */
export interface CombinationConfig {
  /** Probes all of which have to pass. */
  readonly all?: readonly ((ProbeConfig & Required<Pick<ProbeConfig, "type">>) | string)[];
  /** Probes one of which has to pass. */
  readonly any?: readonly ((ProbeConfig & Required<Pick<ProbeConfig, "type">>) | string)[];
  /** How many of those under of have to pass; from 1 to 16. */
  readonly atLeast?: number;
  /** Probes as many of which have to pass as atLeast says. */
  readonly of?: readonly ((ProbeConfig & Required<Pick<ProbeConfig, "type">>) | string)[];
}

/** Who finds the real servers, beside those that are listed. */
export interface DiscoverConfig {
  /**
   * Where they are read from: file, which another program writes; kubernetes, the endpoints of a service; or dns, what
   * a name stands for.
   */
  readonly type?: "file" | "kubernetes" | "dns";
  /**
   * Of type file, the file: lines of IP:port and perhaps a weight, or JSON as Prometheus' file_sd has it. Read again
   * when it changes.
   */
  readonly path?: string | null;
  /**
   * Of type kubernetes, the service whose endpoints are the members, with its namespace; that of the API servers
   * themselves unless given (default default/kubernetes).
   */
  readonly service?: string | null;
  /** The port of it, by its name or number; not needed where there is one only. */
  readonly port?: number | string | null;
  /**
   * Whom to trust and what to show (default: the service account of the pod, else /etc/kubernetes/kubelet.conf). The
   * service of API servers is asked for through the virtual server itself and at its members, any other at the server
   * that stands in it. Read again when it changes.
   */
  readonly kubeconfig?: string | null;
  /** The context of the kubeconfig that counts (default: its current-context). */
  readonly context?: string | null;
  /** From one question to the next where the credentials do not allow to watch (default 30s). */
  readonly poll?: Time | null;
  /**
   * Of type dns, the name that stands for the members: of hosts, with port, or of a service, such as
   * _https._tcp.example.org.
   */
  readonly name?: string | null;
  /** The name servers to ask, in turn, IP or IP:port (default: those of /etc/resolv.conf). */
  readonly servers?: string | readonly string[] | null;
  /** A name is not asked for again sooner, however short its time is (default 5s). */
  readonly minTtl?: Time | null;
  /** A name is asked for again then, however long its time is (default 5m). */
  readonly maxTtl?: Time | null;
  /** For how long a member stays that answers lack, since an answer may be a part of the list (default 30s). */
  readonly obsolete?: Time | null;
  /**
   * What realServers are beside the discovered ones: bootstrap (they count until there is a list, and when nobody of it
   * serves), merge (they count beside it) or only (they do not count) (default bootstrap).
   */
  readonly policy?: "bootstrap" | "merge" | "only" | null;
  /**
   * The share of the discovered real servers that may vanish at once; a list that loses more is believed after confirm
   * (default 50%).
   */
  readonly removeAtMost?: number | `${number}%` | null;
  /** How long a list that loses more than removeAtMost has to stand before it is believed (default 1m). */
  readonly confirm?: Time | null;
  /** For how long changes of the list are gathered before they count (default 1s). */
  readonly debounce?: Time | null;
}

/** Seconds, or a duration such as 500ms, 5s or 1m30s. */
export type Time =
  | number
  | `${number}${"ms" | "s" | "m" | "h"}`
  | `${number}m${number}s`
  | `${number}h${number}m`
  | `${number}h${number}m${number}s`;
