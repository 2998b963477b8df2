import { createRoot } from "react-dom/client";
import type { Root } from "react-dom/client";

/** Where the page is rendered. */
export function root(): Root {
  const element = document.getElementById("root");
  if (element === null) throw new Error("index.html has no #root");
  return createRoot(element);
}
