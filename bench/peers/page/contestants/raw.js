// The floor: a bare socket, opened again after a fixed pause.
const AGAIN_MS = 100;

export function connect(origin, hear) {
  return new Promise((resolve) => {
    const open = () => {
      const socket = new WebSocket(`${origin.replace("http", "ws")}/raw`);
      socket.onopen = () => resolve();
      socket.onmessage = ({ data }) => hear(JSON.parse(data).data);
      socket.onclose = () => setTimeout(open, AGAIN_MS);
    };
    open();
  });
}
