/* The WebAssembly module as text. The real file is built into dist/wasm, like its neighbours. */
export const base64: string;
