import { HttpError } from "../net/http";
import { PEOPLE, loggedIn } from "../people/people";

/** Somebody else, with a device of their own. */
export const other = PEOPLE.find(({ id }) => id !== loggedIn().id) ?? PEOPLE[0];

/** What another person's device does: a request to the server, of which this page hears by its backend alone. */
export async function asOther(method: "GET" | "POST" | "PATCH", path: string, body?: object): Promise<unknown> {
  const response = await fetch(path, {
    method,
    headers: {
      authorization: `Bearer demo:${other.id}`,
      ...(body && { "content-type": "application/json", "idempotency-key": crypto.randomUUID() }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new HttpError(response.status, `the server answered ${response.status}`);
  return response.json();
}
