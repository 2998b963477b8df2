import { StrictMode } from "react";
import { root } from "../ui/root";
import { Stage } from "./Stage";

document.title = "Everfresh: the stage";

root().render(
  <StrictMode>
    <Stage />
  </StrictMode>,
);
