// What a lab does to a server beside the app's: it goes away for a while, or stays and says nothing.

import { json } from "node:stream/consumers";

/** Ends the server, with what is connected to it, and starts it again at the same address after so long. */
export function away(http, cut, ms) {
  const { port } = http.address();
  cut();
  // Nobody listens at the address meanwhile: whoever dials is refused by the system.
  http.close();
  http.closeAllConnections();
  setTimeout(() => http.listen(port, "127.0.0.1"), ms);
}

/** @param cut ends what is connected */
export function doors(http, cut) {
  const lab = { mute: false };
  http.on("request", async (request, response) => {
    if (request.method !== "POST" || !request.url.startsWith("/lab/")) return;
    const asked = await json(request);
    response.end();
    if (request.url === "/lab/away") setTimeout(away, 20, http, cut, asked.ms);
    else lab.mute = asked.on;
  });
  return lab;
}
