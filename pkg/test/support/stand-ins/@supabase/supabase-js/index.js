// As much of Supabase's client as the samples use, without a network: `channels` are those that were made.
export const channels = [];

export function createClient() {
  return {
    channel(name) {
      const bindings = [];
      const channel = {
        name,
        on(type, filter, listener) {
          bindings.push([type, filter, listener]);
          return channel;
        },
        subscribe(listener = () => {}) {
          channel.status = listener;
          channels.push(channel);
          return channel;
        },
        /** What the server does. */
        hear: (type, payload) => bindings.forEach(([of, filter, listener]) => of === type && filter.table === payload.table && listener(payload)),
      };
      return channel;
    },
    async removeChannel(channel) {
      channels.splice(channels.indexOf(channel), 1);
      return "ok";
    },
  };
}
