import { useQuery } from "@tanstack/react-query";
import type { Everfresh } from "everfresh";
import { useEffect, useState } from "react";
import { ConnectionIndicator } from "../instruments/ConnectionIndicator";
import { EverfreshProvider } from "everfresh/react";
import { Brand } from "../ui/Brand";
import { Calendar } from "./Calendar";
import { Layers } from "./Layers";
import { List } from "./List";
import { WhoIsHere } from "./WhoIsHere";
import { WAYS, missesFor, wayOf } from "./ways";
import type { Beside, Shown, Way } from "./ways";
import { useWay } from "./useWay";
import "../stage/Header.css";
import "./Backends.css";

const LIST_OF = new Intl.ListFormat("en");

const SHOWN: readonly (readonly [Shown, string])[] = [
  ["tasks", "Tasks"],
  ["calendar", "Calendar"],
];

/** One list of tasks, or a calendar, kept fresh over whichever backend is chosen. */
export function Backends() {
  const [way, setWay] = useState(() => wayOf(new URLSearchParams(location.search).get("way")));
  const [shown, setShown] = useState<Shown>(() => (new URLSearchParams(location.search).get("shown") === "calendar" ? "calendar" : "tasks"));
  const { data: beside } = useQuery({
    queryKey: ["beside"],
    queryFn: async ({ signal }): Promise<Beside> => (await fetch("/demo/beside", { signal })).json() as Promise<Beside>,
    staleTime: Infinity,
  });
  const live = useWay(way, beside);
  useEffect(() => {
    const address = new URL(location.href);
    address.searchParams.set("way", way.id);
    address.searchParams.set("shown", shown);
    history.replaceState(history.state, "", address);
  }, [way, shown]);
  return (
    <>
      <a className="skip-link" href="#scene">
        Skip to the scene
      </a>
      <header className="stage-header backends-header">
        <Brand />
        <div className="backends-indicator">
          {live && (
            <EverfreshProvider live={live}>
              <ConnectionIndicator />
            </EverfreshProvider>
          )}
        </div>
        <nav className="stage-ways" aria-label="Pages">
          <a href="/">Tasks</a>
          <a href="/stage">Stage and lab</a>
        </nav>
      </header>
      <main className="backends" id="scene" tabIndex={-1}>
        <div className="stage-title">
          <h1>Keep the backend that you have.</h1>
          <p>The same page, the same options, another server. Choose one, change something as somebody else, and take the server away.</p>
        </div>
        <div className="segments" role="group" aria-label="By which backend changes come">
          {WAYS.map((one) => (
            <button
              key={one.id}
              type="button"
              className="segment"
              aria-pressed={one === way}
              data-testid={`way-${one.id}`}
              disabled={beside === undefined || missesFor(one, beside)}
              onClick={() => setWay(one)}
            >
              {one.name}
            </button>
          ))}
        </div>
        <p className="backends-words">{way.words}</p>
        <div className="segments" role="group" aria-label="What is shown">
          {SHOWN.map(([id, name]) => (
            <button key={id} type="button" className="segment" aria-pressed={id === shown} data-testid={`shown-${id}`} onClick={() => setShown(id)}>
              {name}
            </button>
          ))}
        </div>
        {live && beside ? (
          <>
            <Scene key={way.id} live={live} way={way} beside={beside} shown={shown} />
            <Missing beside={beside} />
          </>
        ) : (
          <div className="backends-wait" />
        )}
      </main>
    </>
  );
}

function Scene({ live, way, beside, shown }: { live: Everfresh; way: Way; beside: Beside; shown: Shown }) {
  return (
    <EverfreshProvider live={live}>
      <WhoIsHere way={way} />
      <div className="backends-columns" data-shown={shown}>
        {shown === "tasks" ? <List /> : <Calendar way={way} />}
        <Layers way={way} beside={beside} shown={shown} />
      </div>
    </EverfreshProvider>
  );
}

/** Says what the demo was started without, and what starts it. Below the scene, and with it: before it, the scene would push it down. */
function Missing({ beside }: { beside: Beside }) {
  const missing = WAYS.filter((way) => missesFor(way, beside));
  if (missing.length === 0) return null;
  return (
    <p className="backends-missing" data-testid="ways-missing">
      {LIST_OF.format(missing.map(({ name }) => name))}: not started. <code>cargo xtask demo</code> starts all servers.
    </p>
  );
}
