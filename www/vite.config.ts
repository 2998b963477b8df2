import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `everfresh-server` listens unless it is told otherwise. */
const SERVER = "http://127.0.0.1:4321";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "baseline-widely-available",
    // A data: url in the page would need img-src data: and font-src data: in its policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: true,
  },
  server: {
    proxy: {
      "/api": SERVER,
      "/demo": SERVER,
      "/live": { target: SERVER, ws: true },
    },
  },
});
