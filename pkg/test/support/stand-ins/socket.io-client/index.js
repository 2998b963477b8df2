// As much of Socket.IO's client as the samples use, without a network: `sockets` are those that were made.
export const sockets = [];

export function io() {
  const listeners = new Map();
  const socket = {
    recovered: false,
    on(name, listener) {
      listeners.set(name, [...(listeners.get(name) ?? []), listener]);
      return socket;
    },
    /** What the server does. */
    hear: (name, data) => listeners.get(name)?.forEach((listener) => listener(data)),
  };
  sockets.push(socket);
  return socket;
}
