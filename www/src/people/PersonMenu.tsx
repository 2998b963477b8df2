import { switchTo } from "../live";
import { Check, NewTab } from "../ui/icons";
import { Avatar } from "./Avatar";
import { PEOPLE, firstNameOf, seat, useSession } from "./people";
import "./PersonMenu.css";

/** Who is logged in; its popover lets somebody else log in, here or in a tab that stands for another browser. */
export function PersonMenu() {
  const { person, anonymous } = useSession();
  const others = PEOPLE.filter(({ id }) => id !== person.id);
  return (
    <div className="person">
      <button
        type="button"
        className="person-button"
        popoverTarget="person-menu"
        data-testid="person-button"
        data-user={person.id}
      >
        <Avatar user={person.id} />
        <span className="visually-hidden">Logged in: </span>
        <span className="person-name">{firstNameOf(person.id)}</span>
      </button>
      <div id="person-menu" popover="auto" className="hanging person-menu" data-testid="person-menu">
        <h2>{person.name}</h2>
        <p className="person-words">
          {seat
            ? "This tab stands for another browser, with a connection of its own."
            : "Logged in in all tabs of this browser. Who logs in instead finds nothing of this person."}
        </p>
        {!seat && (
          <ul className="person-list" aria-label="Log in as">
            {PEOPLE.map((one) => (
              <li key={one.id}>
                <button
                  type="button"
                  className="person-choice"
                  data-testid={`login-${one.id}`}
                  aria-pressed={one.id === person.id}
                  popoverTarget="person-menu"
                  popoverTargetAction="hide"
                  onClick={() => one.id !== person.id && switchTo(one)}
                >
                  <Avatar user={one.id} />
                  {one.name}
                  {one.id === person.id && <Check />}
                </button>
              </li>
            ))}
          </ul>
        )}
        <label className="person-anonymous">
          <input
            type="checkbox"
            data-testid="anonymous"
            checked={anonymous}
            onChange={(event) => useSession.setState({ anonymous: event.target.checked })}
          />
          Be here without a name
        </label>
        <p className="person-words">Work beside somebody, as if in another browser:</p>
        <div className="person-beside">
          {others.map((one) => (
            <a key={one.id} className="button" href={`/?as=${one.id}`} target="_blank" rel="noopener">
              <NewTab />
              {firstNameOf(one.id)}
              <span className="visually-hidden"> (opens in a new tab)</span>
            </a>
          ))}
        </div>
      </div>
    </div>
  );
}
