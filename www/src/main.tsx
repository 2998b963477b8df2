import "./ui/tokens.css";
import "./ui/base.css";

/** The pages that are no tab of the app: they have no connection, and count as no device. */
const PAGES: Readonly<Record<string, () => Promise<unknown>>> = {
  "/stage": () => import("./stage/start"),
  "/away": () => import("./stage/away"),
};

void (PAGES[location.pathname] ?? (() => import("./tab/start")))();
