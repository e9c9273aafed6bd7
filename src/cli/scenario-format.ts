import type { CommandUsage } from "./usage.ts";

/** What may stand in a scenario, for the help and the documentation. What is an event can be copied: tests read each of them. */
export const SCENARIO_FORMAT: NonNullable<CommandUsage["lists"]> = [
  {
    title: "A scenario is YAML with these keys",
    rows: [
      ["care", "flags of lvscare care without their dashes: vs, rs, and what differs from the defaults"],
      ["probe", "a probe as a configuration file has it, of any type; no file is read for it, and no program run"],
      [
        "probes",
        "in its place, several that decide together: all, any, or at-least with of, as in a configuration file",
      ],
      ["events", "what happens: a list, an event a line, with its time since the start, who it is about, and what"],
      ["duration", "how long all of it takes (until two minutes after the last event)"],
      ["requests-per-second", "how often clients ask, spread over whoever is in service (0: there are none)"],
      ["connections-last", "how long the connection of each request stays open (0)"],
      ["seed", "a number that decides what is left to chance; the same one gives the same report (0)"],
    ],
  },
  {
    title: "Events of a real server",
    rows: [
      ["30s 10.0.0.1:80 answers", "as it does at the start: with status 200, at once"],
      ["30s 10.0.0.1:80 answers 503 in 200ms", "with this status, after so long"],
      ["30s 10.0.0.1:80 answers over 2s", "the answer begins at once and trickles for so long"],
      ["30s 10.0.0.1:80 answers kept 500", "with this status to all but the first request of a connection"],
      ["30s 10.0.0.1:80 answers closes-idle 5s", "and closes connections on which nothing happens for so long"],
      ["30s 10.0.0.1:80 answers one-at-a-time", "others wait until a connection is closed"],
      ["30s 10.0.0.1:80 answers half-open", "connections from before are lost without a word"],
      ["30s 10.0.0.1:80 refuses", "connections: its process has ended"],
      ["30s 10.0.0.1:80 hangs", "takes connections and says nothing"],
      ["30s 10.0.0.1:80 vanishes", "its host is gone, and nothing comes back"],
      ["30s 10.0.0.1:80 answers for 8s, vanishes for 4s", "and so on, round and round"],
      ["30s 10.0.0.1:80 leaves", "says that it shuts down, as its kind of check hears it, and serves on"],
      ["30s 10.0.0.1:80 not-serving in 1s", "answers that it cannot serve"],
      ["30s 10.0.0.1:80 weighs 30", "its check asks for this weight; 0 drains it"],
    ],
  },
  {
    title: "Other events",
    rows: [
      ["60s others put 10.0.0.9:80 weight 3", "somebody else writes to the table"],
      ["60s others delete 10.0.0.1:80", "or deletes from it"],
      ["60s others delete service", "or all of the virtual server"],
      ["60s data-plane refuses writes", "the kernel takes no changes"],
      ["60s data-plane refuses reads", "or does not show its table"],
      ["60s data-plane refuses 10.0.0.1:80", "or takes none of this real server"],
      ["60s data-plane takes 100ms", "each reading and each change takes so long"],
      ["60s data-plane works", "again"],
      ["60s daemon stalls 2s", "it gets no turn of the processor"],
      ["60s daemon restarts after 2s", "it is killed, and started again after so long"],
    ],
  },
];
