import type { Caches } from "./caches.js";
import { EverfreshError, MutationError } from "./errors.js";
import type { MutationFailure, QueueFailure } from "./errors.js";
import { notJson, toKey } from "./keys.js";
import type { Listeners } from "./listeners.js";
import type { Command, LetterNotice, MutationNotice, RunNotice } from "./notices.js";
import { invalid, parseFamilies } from "./options.js";
import { failureOf } from "./outcome.js";
import { OnItsWay } from "./promise.js";
import type { AnyMutation, Fault, MutateOptions, Mutating, MutationNews, MutationOptions, PendingEdit, QueryKey } from "./types.js";

/** What the mutations need of their instance. */
export interface Line {
  send(command: Command): void;
  fault(fault: Fault): void;
  /** Whether there is a way to the server, as far as that is known. */
  online(): boolean;
  readonly caches: Caches;
  readonly news: Listeners<[MutationNews]>;
}

type Definition = MutationOptions<AnyMutation>;

/** A mutation that this page was asked for, until its end. */
interface Pending {
  readonly name: string;
  readonly vars: unknown;
  readonly definition: Definition;
  readonly edit: PendingEdit | undefined;
  readonly way: OnItsWay<unknown>;
  readonly draft: Command;
  /** Whether an engine was given it. */
  sent: boolean;
  id?: string;
}

interface Question {
  readonly command: Command;
  readonly way: OnItsWay<unknown>;
}

/**
 * The mutations of this page: what it was asked for, the functions that it runs, and questions about the
 * queue of all tabs. The engine decides; this keeps the functions and the promises.
 */
export class Mutations {
  definitions: ReadonlyMap<string, Definition>;
  readonly #line: Line;
  readonly #pending = new Map<number, Pending>();
  readonly #questions = new Map<number, Question>();
  readonly #runs = new Map<string, { attempt: number; controller: AbortController }>();
  #calls = 0;
  #open = false;
  /** Why nothing can be done any more. */
  #over: EverfreshError | undefined;

  constructor(definitions: ReadonlyMap<string, Definition>, line: Line) {
    this.definitions = definitions;
    this.#line = line;
  }

  mutate(name: string, vars: unknown, options: MutateOptions = {}): Mutating<unknown> {
    const call = ++this.#calls;
    const way = new OnItsWay<unknown>((error) => this.#unheard(error));
    const { signal } = options;
    try {
      signal?.throwIfAborted();
      if (this.#over) throw this.#over;
      const definition = this.definitions.get(name);
      if (definition === undefined) throw invalid("name", "the name of a mutation of the options", name);
      const where = vars === undefined ? undefined : notJson(vars, "vars");
      if (where !== undefined) throw invalid(where, "a value that JSON can hold", vars);
      const pending: Pending = {
        name,
        vars,
        definition,
        edit: editOf(definition, vars),
        way,
        draft: draftOf(call, name, vars, definition, options),
        sent: false,
      };
      this.#pending.set(call, pending);
      if (pending.edit) this.#line.caches.show(pending.edit);
      if (this.#open) this.#send(pending);
      signal?.addEventListener("abort", () => this.#takeBack(call, pending, signal.reason), { once: true });
    } catch (error) {
      way.fail(error);
    }
    return way;
  }

  /** Asks something about the queue. */
  ask(op: string, rest: object, signal: AbortSignal | undefined): Promise<unknown> {
    const way = new OnItsWay<unknown>(() => {});
    if (signal?.aborted || this.#over) {
      way.fail(this.#over ?? signal?.reason);
      return way;
    }
    const id = ++this.#calls;
    const command: Command = { ...rest, do: "queue", id, op };
    this.#questions.set(id, { command, way });
    signal?.addEventListener("abort", () => this.#answer(id)?.fail(signal.reason), { once: true });
    if (this.#open) this.#line.send(command);
    return way;
  }

  /** What is shown before the server has answered. */
  edits(): PendingEdit[] {
    return [...this.#pending.values()].flatMap(({ edit }) => edit ?? []);
  }

  /** An engine runs: it is told what it does not know. */
  open(): void {
    this.#open = true;
    this.#over = undefined;
    for (const pending of this.#pending.values()) if (!pending.sent) this.#send(pending);
    for (const { command } of this.#questions.values()) this.#line.send(command);
  }

  /** The engine is gone. `last` says that no other one follows. */
  shut(error: EverfreshError, last: boolean): void {
    this.#open = false;
    for (const { controller } of this.#runs.values()) controller.abort(error);
    this.#runs.clear();
    for (const [call, pending] of this.#pending) {
      // What was given to it and not accepted may be stored or not: to give it again could do it twice.
      if (last || (pending.sent && pending.id === undefined)) this.#fail(call, pending, error, "detached");
    }
    if (!last) return;
    this.#over = error;
    for (const id of this.#questions.keys()) this.#answer(id)?.fail(error);
  }

  hear(notice: MutationNotice): void {
    switch (notice.type) {
      case "run":
        void this.#run(notice);
        break;
      case "cancel": {
        const run = this.#runs.get(notice.id);
        if (run?.attempt === notice.attempt) {
          this.#runs.delete(notice.id);
          run.controller.abort();
        }
        break;
      }
      case "queue": {
        const way = this.#answer(notice.call);
        if (notice.ok) way?.succeed(notice.value);
        else way?.fail(new EverfreshError(`queue-${notice.code as QueueFailure}`, `the queue refused it: ${notice.code}`));
        break;
      }
      case "mutation":
        this.#news(notice);
    }
  }

  #send(pending: Pending): void {
    pending.sent = true;
    this.#line.send(pending.draft);
  }

  #answer(id: number): OnItsWay<unknown> | undefined {
    const way = this.#questions.get(id)?.way;
    this.#questions.delete(id);
    return way;
  }

  #news(notice: Extract<MutationNotice, { type: "mutation" }>): void {
    const id = "id" in notice ? notice.id : undefined;
    const call = notice.call ?? [...this.#pending].find(([, { id: have }]) => have === id)?.[0] ?? 0;
    const pending = this.#pending.get(call);
    switch (notice.state) {
      case "accepted":
        if (pending) {
          pending.id = notice.id;
          pending.way.accept({ id: notice.id, durable: notice.durable });
          this.#tell("accepted", pending, notice.id);
        }
        break;
      case "refused":
        if (pending) this.#fail(call, pending, failure(notice.code, "it was not accepted"), "refused");
        break;
      case "detached":
        if (pending) this.#fail(call, pending, failure("detached", "its user has left", notice), "detached");
        break;
      case "conflict":
        this.#tell("conflict", pending, id, { error: failure("rejected", "it met another change", notice) });
        break;
      case "settled":
        if (notice.end === "applied") this.#succeed(call, pending, notice.id, notice.result);
        else if (notice.end === "resolved") {
          this.#end(call, pending, id, failure(notice.how, `it was not done: ${notice.how}`, notice), "resolved");
        } else this.#end(call, pending, id, failure(notice.why, `it was given up: ${notice.why}`, notice), "dead");
    }
  }

  #succeed(call: number, pending: Pending | undefined, id: string, result: unknown): void {
    this.#pending.delete(call);
    if (pending) {
      const { definition, vars, edit, way } = pending;
      const put = edit ? this.#line.caches.settle(edit, { answer: result }) : [];
      const shown = edit?.parts.map(({ key }) => key) ?? [];
      const stale = shown.filter((key) => !put.includes(key));
      try {
        const families = definition.invalidates;
        const listed = typeof families === "function" ? families(vars, result) : (families ?? []);
        stale.push(...parseFamilies(listed, `mutations.${pending.name}.invalidates`));
      } catch (cause) {
        this.#line.fault(threw(cause));
      }
      if (put.length + stale.length > 0) this.#line.send({ do: "applied", mutation: id, keys: put, stale });
      way.succeed(result);
    }
    this.#tell("applied", pending, id, { result });
  }

  #end(
    call: number,
    pending: Pending | undefined,
    id: string | undefined,
    error: MutationError,
    state: MutationNews["state"],
  ): void {
    if (pending) this.#fail(call, pending, error, state);
    else this.#tell(state, undefined, id, { error });
  }

  /** Takes back what was shown, and lets the server say what is true. */
  #fail(call: number, pending: Pending, error: unknown, state: MutationNews["state"]): void {
    this.#pending.delete(call);
    const { edit } = pending;
    if (edit) {
      this.#line.caches.settle(edit, undefined);
      if (state === "dead" || state === "resolved") {
        this.#line.send({ do: "invalidate", keys: edit.parts.map(({ key }) => key) });
      }
    }
    pending.way.fail(error);
    this.#tell(state, pending, pending.id, error instanceof MutationError ? { error } : {});
  }

  #takeBack(call: number, pending: Pending, reason: unknown): void {
    if (this.#pending.get(call) !== pending) return;
    if (!pending.sent) this.#fail(call, pending, reason, "refused");
    // Not accepted yet: as soon as it is, it is given up.
    else void pending.way.accepted.then(({ id }) => this.ask("discard", { mutation: id }, undefined)).catch(() => {});
  }

  #tell(
    state: MutationNews["state"],
    pending: Pending | undefined,
    id: string | undefined,
    rest: { result?: unknown; error?: MutationError } = {},
  ): void {
    const about = pending && { name: pending.name, vars: pending.vars };
    this.#line.news.emit({ state, ...(id === undefined ? {} : { id }), ...about, ...rest });
  }

  /** Nobody awaits a mutation that failed. What ended as somebody wanted it is no fault. */
  #unheard(error: unknown): void {
    const code = error instanceof EverfreshError ? error.code : "option-invalid";
    if (/superseded|discarded|detached|server|closed/.test(code)) return;
    if (error instanceof EverfreshError) this.#line.fault({ code, message: error.message, error });
  }

  async #run(notice: RunNotice): Promise<void> {
    const { id, attempt, vars, name, type: _, ...context } = notice;
    const controller = new AbortController();
    this.#runs.set(id, { attempt, controller });
    let outcome: unknown;
    try {
      const run = this.definitions.get(name)?.run;
      if (run === undefined) outcome = { ok: false, class: "missing" };
      else {
        // The tab that accepted it, whichever runs it: that one has to know the event as its own.
        const headers = { "idempotency-key": notice.idempotencyKey, "everfresh-client": id.slice(16) };
        const data: unknown = await run(vars, { ...context, attempt, headers, signal: controller.signal });
        const where = data === undefined ? undefined : notJson(data, `mutations.${name}.run`);
        // It is done all the same: only the answer is lost.
        if (where !== undefined) this.#line.fault(threw(invalid(where, "an answer that JSON can hold", data)));
        outcome = where === undefined ? { ok: true, data } : { ok: true };
      }
    } catch (error) {
      outcome = await failureOf(error, this.#line.online());
    }
    if (this.#runs.get(id)?.controller !== controller) return;
    this.#runs.delete(id);
    this.#line.send({ do: "done", id, attempt, outcome });
  }
}

function draftOf(call: number, name: string, vars: unknown, definition: Definition, options: MutateOptions): Command {
  const { lane, coalesce, base, kind, barrier, version } = definition;
  const wanted = options.lane ?? (typeof lane === "function" ? lane(vars) : lane);
  return {
    do: "mutate",
    id: call,
    name,
    vars,
    lane: wanted === undefined ? undefined : String(wanted),
    coalesce: typeof coalesce === "function" ? coalesce(vars) : coalesce,
    base: "base" in options ? options.base : base?.(vars),
    over: options.over,
    kind,
    barrier,
    version,
  };
}

/** What the mutation changes on the screen, with its variables filled in. */
function editOf({ optimistic }: Definition, vars: unknown): PendingEdit | undefined {
  if (optimistic === undefined) return undefined;
  const edits = Array.isArray(optimistic) ? optimistic : [optimistic];
  return {
    parts: edits.map(({ key, update, commit }) => ({
      key: toKey(typeof key === "function" ? key(vars) : key) as QueryKey,
      update: (data) => update(data, vars),
      commit: commit && ((data, answer) => commit(data, answer, vars)),
    })),
  };
}

function failure(word: string, message: string, about: { id?: string } & Partial<LetterNotice> = {}): MutationError {
  return new MutationError(word as MutationFailure, message, about);
}

function threw(cause: unknown): Fault {
  const error = new EverfreshError("listener-threw", "a function of a mutation threw", { cause });
  return { code: error.code, message: error.message, error };
}
