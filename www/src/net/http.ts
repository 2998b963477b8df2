import type { RunContext } from "everfresh";
import { device } from "../device";
import { useSession } from "../people/people";
import { countAnswered, countRead } from "./traffic";

/** A refusal of the server: its status, and the sentence that it gave as the reason. Status 0: it did not answer. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  /** What the server said besides: in a conflict, the record as it is; else the reason, with its code. */
  readonly body: unknown;
  readonly headers: Headers | undefined;

  constructor(status: number, message: string, body?: unknown, headers?: Headers) {
    super(message);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** The last answer to each url, so that the next request can ask whether it still holds. */
const answers = new Map<string, { etag: string; body: unknown }>();

export function forgetAnswers(): void {
  answers.clear();
}

/**
 * Reads JSON, and sends the ETag of the last answer along. A 304 gives the very same object again, so
 * that nothing renders.
 */
export async function read<Body>(url: string, signal: AbortSignal): Promise<Body> {
  const known = answers.get(url);
  const headers = headersOf();
  if (known !== undefined) headers.set("if-none-match", known.etag);
  countRead();
  // `no-store` keeps the browser's own cache out of it, which would turn a 304 into a 200 on the way.
  const response = await ask(url, { headers, signal, cache: "no-store" });
  countAnswered(url, response.status === 304);
  if (response.status === 304 && known !== undefined) return known.body as Body;
  if (!response.ok) throw await refusal(response);
  const body: unknown = await response.json();
  const etag = response.headers.get("etag");
  if (etag !== null) answers.set(url, { etag, body });
  return body as Body;
}

/**
 * Writes JSON, for a mutation: with its headers, so that it is done once however often it is sent. That there was
 * no answer is thrown as `fetch` throws it, by which the queue knows to try again.
 */
export async function write<Answer>(
  method: "POST" | "PATCH" | "DELETE",
  url: string,
  body: object | undefined,
  { headers: given, signal, keepalive }: Pick<RunContext, "headers" | "signal" | "keepalive">,
): Promise<Answer> {
  const headers = headersOf(given);
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(url, { method, headers, signal, keepalive, ...(body && { body: JSON.stringify(body) }) });
  if (!response.ok) throw await refusal(response);
  return (response.status === 204 ? null : await response.json()) as Answer;
}

/** What every request says: who asks, and which device of the stage it comes from, so that the lab's faults meet it. */
function headersOf(given: Record<string, string> = {}): Headers {
  // The demo's server believes whoever says a name, and writes it down beside what they change.
  const authorization = `Bearer demo:${useSession.getState().person.id}`;
  const headers = new Headers({ ...given, accept: "application/json", authorization });
  if (device !== undefined) headers.set("everfresh-device", device);
  return headers;
}

/** `fetch`, whose own errors say something else in every browser. */
async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new HttpError(0, "the server cannot be reached");
  }
}

async function refusal(response: Response): Promise<HttpError> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: unknown }; current?: unknown } | null;
  const message = body?.error?.message;
  const words = typeof message === "string" ? message : `the server answered ${response.status}`;
  return new HttpError(response.status, words, body?.current ?? body?.error, response.headers);
}
