import { usePresence } from "everfresh/react";
import type { Person } from "everfresh/room";
import { Avatar } from "./Avatar";
import { nameOf, useSession } from "./people";
import "./PeopleHere.css";

/** Who is here, this user first, and what they do. This tab shows itself by it. */
export function PeopleHere({ room, editing }: { room: string; editing: string | null }) {
  const anonymous = useSession((session) => session.anonymous);
  const people = usePresence(room, { editing }, { anonymous });
  const inOrder = [...people].sort((one, other) => Number(other.self) - Number(one.self));
  return (
    <ul className="people" aria-label="People here" data-testid="people" data-count={people.length}>
      {inOrder.map((person, index) => (
        <li
          key={person.user ?? `anonymous ${index}`}
          className="people-one"
          data-testid="person"
          data-user={person.user ?? ""}
          data-self={person.self}
          title={wordsOf(person)}
        >
          <Avatar user={person.user} idle={!person.active} />
          <span className="people-active" data-active={person.active} />
          <span className="visually-hidden">{wordsOf(person)}</span>
        </li>
      ))}
    </ul>
  );
}

function wordsOf({ user, self, active, tabs }: Person): string {
  const name = self ? "You" : user === null ? "Somebody who does not say their name" : nameOf(user);
  const edits = tabs.some(({ meta }) => typeof (meta as { editing?: unknown } | null)?.editing === "string");
  const does = edits ? "editing" : active ? "active" : "idle";
  return `${name}: ${does}, ${tabs.length === 1 ? "1 tab" : `${tabs.length} tabs`}`;
}
