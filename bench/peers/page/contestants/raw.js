// The floor: a bare socket, opened again after a fixed pause.
const AGAIN_MS = 100;

export function connect(origin, hear) {
  return new Promise((resolve) => {
    let [socket, isOver] = [undefined, false];
    const open = () => {
      socket = new WebSocket(`${origin.replace("http", "ws")}/raw`);
      socket.onopen = () => resolve({ close: () => ((isOver = true), socket.close()) });
      socket.onmessage = ({ data }) => hear(JSON.parse(data).data);
      socket.onclose = () => isOver || setTimeout(open, AGAIN_MS);
    };
    open();
  });
}
