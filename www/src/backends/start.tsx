import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { root } from "../ui/root";
import { Backends } from "./Backends";
import { queryClient } from "./useWay";

document.title = "Everfresh: any backend";

root().render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Backends />
    </QueryClientProvider>
  </StrictMode>,
);
