// The same over the server of socket.io, which numbers nothing.
import { connect as connectNative, invalidates } from "./everfresh.js";

export const connect = (origin, hear, client) => connectNative(origin, hear, client, { kind: "socketio", url: origin });
export { invalidates };
