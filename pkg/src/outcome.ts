import { EverfreshError } from "./errors.js";
import { notJson } from "./keys.js";

/** What errors of HTTP clients have in common, and a `Response` too. */
interface Answer {
  readonly status?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly data?: unknown;
  readonly response?: Answer;
  readonly name?: unknown;
}

/**
 * What it means that a mutation's function threw. It follows from the type of what was thrown, never from
 * its words: a status, the name that the platform gives to aborted requests, a `TypeError`, by which `fetch`
 * says that there was no answer.
 */
export async function failureOf(thrown: unknown, online: boolean): Promise<object> {
  const error = (typeof thrown === "object" && thrown !== null ? thrown : {}) as Answer;
  const answer = typeof error.status === "number" ? error : (error.response ?? {});
  if (typeof answer.status === "number") {
    const { status } = answer;
    return { ok: false, status, retryAfter: retryAfter(answer.headers), data: await bodyOf(error, answer) };
  }
  if (thrown instanceof EverfreshError && thrown.code === "needs-login") return { ok: false, class: "auth" };
  if (thrown instanceof TypeError) return { ok: false, class: online ? "timeout" : "network" };
  const gone = error.name === "AbortError" || error.name === "TimeoutError";
  return { ok: false, class: gone ? "timeout" : "unclear" };
}

/** What `Retry-After` asks for, in milliseconds. */
export function retryAfter(headers: unknown): number | undefined {
  const given: unknown =
    headers instanceof Headers ? headers.get("retry-after") : (headers as Record<string, unknown> | undefined)?.["retry-after"];
  if (typeof given !== "string" && typeof given !== "number") return undefined;
  const seconds = Number(given);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(String(given)) - Date.now();
  return wait >= 0 ? Math.ceil(wait) : undefined;
}

async function bodyOf(error: Answer, answer: Answer): Promise<unknown> {
  if (answer instanceof Response) return answer.bodyUsed ? undefined : answer.json().catch(() => undefined);
  const body = error.body ?? error.data ?? answer.data ?? answer.body;
  return body === undefined || notJson(body, "") !== undefined ? undefined : body;
}
