// TanStack Query asks for it; bundlers put it in.
globalThis.process = { env: { NODE_ENV: "production" } };
