import "./ui/tokens.css";
import "./ui/base.css";
// All pages need React: named here, it is loaded together with this file, and not only when that has run.
import "./ui/root";

/** The pages that are no tab of the app: they have no connection, and count as no device. */
const PAGES: Readonly<Record<string, () => Promise<unknown>>> = {
  "/stage": () => import("./stage/start"),
  "/backends": () => import("./backends/start"),
  "/away": () => import("./stage/away"),
};

void (PAGES[location.pathname] ?? (() => import("./tab/start")))();
