import { live } from "../live";
import { countNotModified, countRead } from "./traffic";

/** A refusal of the server: its status, and the sentence that it gave as the reason. Status 0: it did not answer. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The last answer to each url, so that the next request can ask whether it still holds. */
const answers = new Map<string, { etag: string; body: unknown }>();

/**
 * Reads JSON, and sends the ETag of the last answer along. A 304 gives the very same object again, so
 * that nothing renders.
 */
export async function read<Body>(url: string, signal: AbortSignal): Promise<Body> {
  const known = answers.get(url);
  const headers = new Headers({ accept: "application/json" });
  if (known !== undefined) headers.set("if-none-match", known.etag);
  countRead();
  // `no-store` keeps the browser's own cache out of it, which would turn a 304 into a 200 on the way.
  const response = await ask(url, { headers, signal, cache: "no-store" });
  if (response.status === 304 && known !== undefined) {
    countNotModified();
    return known.body as Body;
  }
  if (!response.ok) throw await refusal(response);
  const body: unknown = await response.json();
  const etag = response.headers.get("etag");
  if (etag !== null) answers.set(url, { etag, body });
  return body as Body;
}

/** Writes JSON. The answer is what the server made of it, or `undefined` where it says nothing. */
export async function write<Answer>(method: "POST" | "PATCH" | "DELETE", url: string, body?: object): Promise<Answer> {
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  // The server puts this into the event that follows, so that every tab knows whose it is.
  const { tab } = live.getSnapshot();
  if (tab !== "") headers.set("everfresh-client", tab);
  const response = await ask(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!response.ok) throw await refusal(response);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
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
  const body = (await response.json().catch(() => null)) as { error?: { message?: unknown } } | null;
  const message = body?.error?.message;
  const words = typeof message === "string" ? message : `the server answered ${response.status}`;
  return new HttpError(response.status, words);
}
