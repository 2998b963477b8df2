import { QueryClientProvider } from "@tanstack/react-query";
import { EverfreshProvider } from "everfresh/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { live, queryClient } from "./live";
import "./ui/tokens.css";
import "./ui/base.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <EverfreshProvider live={live}>
        <App />
      </EverfreshProvider>
    </QueryClientProvider>
  </StrictMode>,
);
