import { useEverfresh } from "everfresh/react";
import type { LogPart } from "everfresh";
import { useState } from "react";
import "./LogSwitch.css";

const PARTS: readonly LogPart[] = ["link", "tabs", "channels", "invalidation", "freshness", "queue", "room", "faults"];

/** Which parts of the engine tell the console what they decide. */
export function LogSwitch() {
  const live = useEverfresh();
  const [on, setOn] = useState<readonly LogPart[]>([]);
  const turn = (part: LogPart) => {
    const parts = on.includes(part) ? on.filter((other) => other !== part) : [...on, part];
    setOn(parts);
    live.log(parts);
  };
  // By the switch that any page with Everfresh has; an empty word turns no log on.
  const [there, setThere] = useState(false);
  const show = () => {
    dispatchEvent(new CustomEvent("everfresh:debug", { detail: on.join() }));
    setThere(true);
  };
  return (
    <section className="card log-switch" aria-labelledby="log-switch-title">
      <h2 id="log-switch-title">Log</h2>
      <p className="log-switch-words">What each part decides is written to this page’s console, from the next decision on.</p>
      <div className="log-switch-parts">
        {PARTS.map((part) => (
          <button key={part} type="button" className="log-switch-part" aria-pressed={on.includes(part)} data-testid={`log-${part}`} onClick={() => turn(part)}>
            {part}
          </button>
        ))}
      </div>
      <p className="log-switch-words">
        {there ? (
          <>
            In this page’s console: <code data-testid="diagnostics-at">__everfresh[{JSON.stringify(live.name)}].diagnostics()</code>
          </>
        ) : (
          <button type="button" className="link-button" data-testid="diagnostics" onClick={show}>
            Put the diagnostics on this page’s window
          </button>
        )}
      </p>
    </section>
  );
}
