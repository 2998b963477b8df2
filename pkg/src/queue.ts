import type { Queue, QueueCall, QueueExport, QueuePage } from "./types.js";

/** Asks something about the queue, and gives the answer. */
type Ask = (op: string, rest: object, signal: AbortSignal | undefined) => Promise<unknown>;

/** The queue as the app sees it. The tab that leads answers, whichever tab asks. */
export function createQueue(ask: Ask): Queue {
  const about = (op: string, mutation: string, rest: object, options?: QueueCall) =>
    ask(op, { ...rest, mutation }, options?.signal).then(() => {});
  return {
    list: ({ signal, ...rest } = {}) => ask("list", rest, signal) as Promise<QueuePage>,
    retry: async (id, options) => {
      const done = await ask("retry", id === undefined ? {} : { mutation: id }, options?.signal);
      return typeof done === "number" ? done : 1;
    },
    edit: (id, vars, options) => about("edit", id, { vars }, options),
    discard: (id, options) => about("discard", id, {}, options),
    resolve: (id: string, take: string, ...rest: unknown[]) =>
      take === "merged"
        ? about("resolve", id, { take, vars: rest[0] }, rest[1] as QueueCall)
        : about("resolve", id, { take }, rest[0] as QueueCall),
    export: (options) => ask("export", {}, options?.signal) as Promise<QueueExport>,
    import: (data, options) => ask("import", { data }, options?.signal) as Promise<number>,
    flush: (options) => ask("flush", {}, options?.signal).then(() => {}),
  };
}
