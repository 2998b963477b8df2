import { QueryClientProvider } from "@tanstack/react-query";
import { EverfreshProvider } from "everfresh/react";
import { StrictMode } from "react";
import { App } from "../App";
import { onStage } from "../device";
import { live, queryClient } from "../live";
import { root } from "../ui/root";
import { obey } from "./orders";
import { reportAll } from "./reports";
import { StageTab } from "./StageTab";

if (onStage) {
  reportAll();
  obey();
}

root().render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <EverfreshProvider live={live}>{onStage ? <StageTab /> : <App />}</EverfreshProvider>
    </QueryClientProvider>
  </StrictMode>,
);
