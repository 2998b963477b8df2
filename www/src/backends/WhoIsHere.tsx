import { usePresence } from "everfresh/react";
import type { Person } from "everfresh/room";
import { Avatar } from "../people/Avatar";
import { firstNameOf, loggedIn } from "../people/people";
import { NewTab } from "../ui/icons";
import { other } from "./other";
import type { Way } from "./ways";

/** What this page shows of itself, where a page can. */
const SHOWN = { looking: "backends" };

const me = loggedIn().id;

/** Who is here as far as the backend says it, and a way to be here as somebody else. */
export function WhoIsHere({ way: { id, here } }: { way: Way }) {
  const people = usePresence(here.room ?? null, here.shows ? SHOWN : undefined);
  const inOrder = [...people].sort((one, two) => Number(isMe(two)) - Number(isMe(one)));
  return (
    <section className="card backends-here" aria-labelledby="backends-here">
      <h2 id="backends-here">Who is here</h2>
      <div className="backends-people" data-said={here.room !== undefined}>
        {here.room !== undefined && (
          <ul aria-labelledby="backends-here" data-testid="here" data-count={people.length}>
            {inOrder.map((person, index) => (
              <li key={person.user ?? `nameless ${index}`} data-testid="here-person" data-user={person.user ?? ""}>
                <Avatar user={person.user} idle={!person.active} />
                <strong>{isMe(person) ? "You" : firstNameOf(person.user)}</strong>
                <small>{wordsOf(person, here.shows ?? false)}</small>
              </li>
            ))}
          </ul>
        )}
        <p data-testid="here-words">{here.words}</p>
      </div>
      <a className="button" href={`/backends?way=${id}&as=${other.id}`} target="_blank" rel="noopener" data-testid="open-as">
        <NewTab />
        Open as {firstNameOf(other.id)}
        <span className="visually-hidden"> (opens in a new tab)</span>
      </a>
    </section>
  );
}

/** Some servers say who somebody is, and not that it is whoever looks. */
function isMe({ self, user }: Person): boolean {
  return self || user === me;
}

function wordsOf({ tabs: { length }, active }: Person, shows: boolean): string {
  const count = `${length} ${shows ? "tab" : "connection"}${length === 1 ? "" : "s"}`;
  return active ? count : `${count}, idle`;
}
