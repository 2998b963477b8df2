import { switchTo } from "../live";
import { firstNameOf, useLoggedIn, useSession } from "./people";
import { Avatar } from "./Avatar";
import "./Fenced.css";

/** Instead of the page, when somebody else logged in in another tab: nothing of either is shown here. */
export function Fenced() {
  const { person } = useSession();
  const now = useLoggedIn();
  return (
    <main className="fenced" data-testid="fenced">
      <div className="card fenced-card">
        <Avatar user={now.id} />
        <h1>{firstNameOf(now.id)} has logged in</h1>
        <p>
          That was in another tab of this browser. Everything of {firstNameOf(person.id)} is gone from this one: data,
          queue and connection. What {firstNameOf(person.id)} had not sent yet is kept, and goes out after the next login.
        </p>
        <div className="fenced-choices">
          <button type="button" className="button button-primary" data-testid="fenced-follow" onClick={() => switchTo(now)}>
            Go on as {firstNameOf(now.id)}
          </button>
          {now.id !== person.id && (
            <button type="button" className="button" data-testid="fenced-back" onClick={() => switchTo(person)}>
              Log {firstNameOf(person.id)} in again
            </button>
          )}
        </div>
      </div>
    </main>
  );
}
