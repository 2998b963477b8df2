import { useEffect, useId, useRef, useState } from "react";
import { PEOPLE, firstNameOf } from "../people/people";
import { leadersOf, order, useStage, userOf } from "../stage/devices";
import type { StageDevice } from "../stage/devices";
import { look, useRecords } from "../stage/records";
import type { Fault } from "../stage/records";
import { Flask } from "../ui/icons";
import { standStill } from "./standstill";
import * as server from "./server";
import type { Target } from "./server";
import * as storage from "./storage";
import "./Lab.css";

const DEAD_MS = 3000;
const HOUR_MS = 3_600_000;
const HIDDEN_S = 10;
const STILL_S = 30;

interface Deed {
  readonly id: string;
  readonly name: string;
  /** What is truly done. */
  readonly hint: string;
  /** Does it, and says what came of it. */
  readonly act: () => Promise<string> | string;
  /** Of what stays until it is taken back. */
  readonly on?: boolean;
}

interface Group {
  readonly name: string;
  readonly deeds: readonly Deed[];
}

/** Everything that can be done to the connections, the server and the tabs. Each deed is real: nothing is played. */
export function Lab({ names }: { names: ReadonlyMap<string, string> }) {
  const devices = useStage((stage) => stage.devices);
  const { faults } = useRecords();
  const [chosen, setTarget] = useState<Target>(null);
  const [said, setSaid] = useState("Choose what to break. Everything here is done for real, by the server or the browser.");
  const [pointed, setPointed] = useState<string | null>(null);
  const [open, setOpen] = useState(true);
  const [ahead, setAhead] = useState<ReadonlySet<string>>(new Set());
  const [full, setFull] = useState(storage.isFilled);
  const title = useId();
  // A device that was chosen may be closed since.
  const target = devices.some(({ id }) => id === chosen) ? chosen : null;
  const fault = server.faultOf(faults, target);
  const aimed = devices.filter(({ id }) => target === null || id === target);
  const whose = target === null ? "every device" : `${names.get(target)}’s device`;

  const faulty = faults.length > 0;
  const turn = (name: string, change: Partial<Fault>, on: boolean) => async () => {
    await server.changeFault(target, change, on);
    return on ? `${name} for ${whose}: that is over.` : `${name} for ${whose}, until you press it again or heal the network.`;
  };
  const standing = (id: string, name: string, hint: string, change: Partial<Fault>, on: boolean): Deed => ({
    id,
    name,
    hint,
    on,
    act: turn(name, change, on),
  });

  const groups: Group[] = [
    {
      name: "Network",
      deeds: [
        standing("down", "Network down", "The server resets every connection of the device, and every new one.", { down: true }, fault.down),
        standing("slow", "2 s latency", "Everything from the server arrives two seconds later, in its order.", { latency_ms: 2000 }, fault.latency_ms > 0),
        standing("loss", "30 % loss", "30 of 100 packets are lost on the way and sent again as TCP does it: after 200 ms, 400 ms and so on.", { loss_percent: 30 }, fault.loss_percent > 0),
        standing("no-sockets", "Block WebSockets", "Handshakes are answered with 502, as by a proxy that does not know them. Event streams go through.", { no_sockets: true }, fault.no_sockets),
        standing("no-streams", "Block streams", "Event streams hang, as behind a proxy that waits for their end. With WebSockets blocked too, only polling is left.", { no_streams: true }, fault.no_streams),
      ],
    },
    {
      name: "Connections",
      deeds: [
        {
          id: "cut",
          name: "Cut sockets",
          hint: "The server drops the connection without a close frame, as a broken cable does.",
          act: async () => counted(await server.cut(leadersOf(aimed).map(({ tab }) => tab)), "connection", "was cut", "were cut"),
        },
        {
          id: "half-open",
          name: "Half-open",
          hint: "The connection swallows what both sides say, and tells nobody. Only missing pings give it away.",
          act: async () => counted(await server.halfOpen(target), "connection", "is deaf now", "are deaf now"),
        },
        {
          id: "expire",
          name: "Expire token",
          hint: "The server ends the token that the device came with, and refuses it from now on. The page has to get another.",
          act: async () => counted(await server.expire(target), "token", "has expired", "have expired"),
        },
      ],
    },
    {
      name: "Server",
      deeds: [
        {
          id: "kill",
          name: `Kill it for ${DEAD_MS / 1000} s`,
          hint: "The server drops its port, its connections and all it had in memory, and starts again from its data.",
          act: async () => {
            await server.restart(DEAD_MS);
            return "The server is dead. It starts again from its data.";
          },
        },
        {
          id: "burst",
          name: "10,000 events",
          hint: "The server writes and sends ten thousand events as fast as it can.",
          act: async () => `Ten thousand events were sent; the last is number ${await server.burst(10_000)}.`,
        },
      ],
    },
    {
      name: "Browser",
      deeds: [
        {
          id: "login",
          name: "Log in another",
          hint: "In one tab of the device somebody else logs in. Its other tabs have to show nothing of either.",
          act: () => loginOn(aimed[0]),
        },
        {
          id: "fill",
          name: "Fill storage",
          hint: "localStorage is filled until the browser refuses one more character. It is the same for all devices here.",
          on: full,
          act: () => {
            if (full) storage.empty();
            const taken = full ? 0 : storage.fill();
            setFull(storage.isFilled());
            return full ? "The storage has room again." : `The storage is full: ${taken.toLocaleString("en")} characters more.`;
          },
        },
        {
          id: "clock",
          name: "Clock +1 h",
          hint: "Date.now() of the device's tabs goes an hour ahead: what a page sees when somebody sets the clock. A page cannot set that of the machine.",
          on: aimed.length > 0 && aimed.every(({ id }) => ahead.has(id)),
          act: () => {
            const back = aimed.every(({ id }) => ahead.has(id));
            for (const { tabs } of aimed) for (const tab of tabs) order(tab, { order: "clock", by: back ? 0 : HOUR_MS });
            const next = new Set(ahead);
            for (const { id } of aimed) {
              if (back) next.delete(id);
              else next.add(id);
            }
            setAhead(next);
            return back ? `The clock of ${whose} is right again.` : `The clock of ${whose} is an hour ahead.`;
          },
        },
        {
          id: "hide",
          name: `Hide for ${HIDDEN_S} s`,
          hint: "Opens a tab in front of this page, so that the browser hides it and all tabs on it, and closes it again.",
          act: () => {
            const front = window.open(`/away?for=${HIDDEN_S}`, "_blank");
            return front === null ? "The browser did not allow another tab." : "The stage is hidden behind another tab.";
          },
        },
        {
          id: "still",
          name: `Stand still ${STILL_S} s`,
          hint: "The tab with the connection, in a window of its own, does nothing at all: no timer, no message, no answer. So does a hidden tab that the browser freezes.",
          act: () => (aimed[0] === undefined ? "There is no device." : standStill(aimed[0], names.get(aimed[0].id) ?? "", STILL_S * 1000)),
        },
      ],
    },
  ];
  const all = groups.flatMap(({ deeds }) => deeds);
  const hint = all.find(({ id }) => id === pointed)?.hint;
  // One after the other: what is wrong with a network is read before it is changed.
  const last = useRef(Promise.resolve());
  const run = (act: Deed["act"]) => {
    last.current = last.current.then(async () => {
      try {
        setSaid(await act());
      } catch (error) {
        setSaid(`That did not work: ${error instanceof Error ? error.message : String(error)}.`);
      }
      await look();
    });
  };
  // Another tab may empty the storage too.
  useEffect(() => {
    const changed = () => setFull(storage.isFilled());
    addEventListener("storage", changed);
    return () => removeEventListener("storage", changed);
  }, []);

  return (
    <section className="card lab" aria-labelledby={title} data-testid="lab" data-open={open}>
      <header className="lab-head">
        <h2 id={title}>
          <Flask />
          The lab
        </h2>
        <div className="segments lab-targets" role="group" aria-label="Whom it is done to">
          {[null, ...devices.map(({ id }) => id)].map((id) => (
            <button
              key={id ?? "all"}
              type="button"
              className="segment"
              aria-pressed={target === id}
              data-testid={`lab-target-${id ?? "all"}`}
              onClick={() => setTarget(id)}
            >
              {id === null ? "Every device" : names.get(id)}
            </button>
          ))}
        </div>
        <button
          type="button"
          className="button button-small"
          data-testid="lab-heal"
          disabled={!faulty}
          onClick={() => run(healed)}
        >
          Heal the network
        </button>
        <button
          type="button"
          className="button button-small lab-toggle"
          aria-expanded={open}
          aria-controls="lab-groups"
          data-testid="lab-toggle"
          onClick={() => setOpen(!open)}
        >
          {open ? "Close" : "Open"}
          <span className="visually-hidden"> the lab</span>
        </button>
      </header>
      <div className="lab-groups" id="lab-groups" hidden={!open}>
        {groups.map(({ name, deeds }) => (
          <div key={name} className="lab-group" role="group" aria-label={name}>
            <h3 aria-hidden="true">{name}</h3>
            <div className="lab-deeds">
              {deeds.map((deed) => (
                <button
                  key={deed.id}
                  type="button"
                  className="lab-deed"
                  data-testid={`lab-${deed.id}`}
                  aria-pressed={deed.on}
                  aria-describedby={`${title}-${deed.id}`}
                  onMouseEnter={() => setPointed(deed.id)}
                  onMouseLeave={() => setPointed(null)}
                  onFocus={() => setPointed(deed.id)}
                  onBlur={() => setPointed(null)}
                  onClick={() => run(deed.act)}
                >
                  {deed.name}
                  <span id={`${title}-${deed.id}`} hidden>
                    {deed.hint}
                  </span>
                </button>
              ))}
            </div>
          </div>
        ))}
      </div>
      <p className="lab-words" hidden={!open}>
        <span role="status" data-testid="lab-said">
          {said}
        </span>
        <span className="lab-hint" aria-hidden="true">
          {hint ?? ""}
        </span>
      </p>
    </section>
  );
}

async function healed(): Promise<string> {
  await server.healAll();
  return "The network is well again.";
}

function loginOn(device: StageDevice | undefined): string {
  const tab = device?.tabs[0];
  if (device === undefined || tab === undefined) return "There is no device.";
  const now = userOf(device);
  const next = PEOPLE[(PEOPLE.findIndex(({ id }) => id === now) + 1) % PEOPLE.length] ?? PEOPLE[0];
  order(tab, { order: "login", user: next.id });
  return `${next.name} has logged in where ${firstNameOf(now)} was.`;
}

function counted(count: number, what: string, one: string, many: string): string {
  return count === 1 ? `One ${what} ${one}.` : `${count === 0 ? "No" : count} ${what}s ${many}.`;
}
