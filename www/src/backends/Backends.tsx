import { useQuery } from "@tanstack/react-query";
import type { Everfresh } from "everfresh";
import { useEffect, useState } from "react";
import { ConnectionIndicator } from "../instruments/ConnectionIndicator";
import { EverfreshProvider } from "everfresh/react";
import { Brand } from "../ui/Brand";
import { Layers } from "./Layers";
import { List } from "./List";
import { WhoIsHere } from "./WhoIsHere";
import { WAYS, missesFor, wayOf } from "./ways";
import type { Beside, Way } from "./ways";
import { useWay } from "./useWay";
import "../stage/Header.css";
import "./Backends.css";

const LIST_OF = new Intl.ListFormat("en");

/** One list of tasks, kept fresh over whichever backend is chosen. */
export function Backends() {
  const [way, setWay] = useState(() => wayOf(new URLSearchParams(location.search).get("way")));
  const { data: beside } = useQuery({
    queryKey: ["beside"],
    queryFn: async ({ signal }): Promise<Beside> => (await fetch("/demo/beside", { signal })).json() as Promise<Beside>,
    staleTime: Infinity,
  });
  const live = useWay(way, beside);
  useEffect(() => {
    const address = new URL(location.href);
    address.searchParams.set("way", way.id);
    history.replaceState(history.state, "", address);
  }, [way]);
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
          <p>The same list, the same options, another server. Choose one, change a task as somebody else, and take the server away.</p>
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
        {live && beside ? (
          <>
            <Scene key={way.id} live={live} way={way} beside={beside} />
            <Missing beside={beside} />
          </>
        ) : (
          <div className="backends-wait" />
        )}
      </main>
    </>
  );
}

function Scene({ live, way, beside }: { live: Everfresh; way: Way; beside: Beside }) {
  return (
    <EverfreshProvider live={live}>
      <WhoIsHere way={way} />
      <div className="backends-columns">
        <List />
        <Layers way={way} beside={beside} />
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
