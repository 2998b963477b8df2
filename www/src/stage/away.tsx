import { useEffect } from "react";
import { useNow } from "../ui/clock";
import { root } from "../ui/root";
import "./away.css";

const SECONDS_MOST = 60;
const asked = Number(new URLSearchParams(location.search).get("for"));
const until = Date.now() + 1000 * Math.min(SECONDS_MOST, Math.max(1, Number.isFinite(asked) ? asked : 1));

document.title = "In front of the stage";
root().render(<Away />);

/** Stands in front of the stage, so that the browser hides it, and goes away by itself. */
function Away() {
  const left = Math.max(0, Math.ceil((until - useNow()) / 1000));
  useEffect(() => {
    if (left === 0) window.close();
  }, [left]);
  return (
    <main className="away" data-testid="away">
      <div className="card away-card">
        <h1>The stage is hidden</h1>
        <p>
          The browser treats it, and every tab on it, as a page that nobody looks at. This tab closes in{" "}
          <span className="number">{left} s</span>.
        </p>
        <button type="button" className="button button-primary" onClick={() => window.close()}>
          Close it now
        </button>
      </div>
    </main>
  );
}
