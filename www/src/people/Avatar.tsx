import { initialsOf, toneOf } from "./people";
import "./Avatar.css";

interface Props {
  user: string | null | undefined;
  small?: boolean;
  /** Nobody is at the page right now. */
  idle?: boolean;
}

/** Somebody as a coloured disc. It is decoration: the name beside it says who. */
export function Avatar({ user, small = false, idle = false }: Props) {
  return (
    <span className="avatar" data-tone={toneOf(user)} data-small={small} data-idle={idle} aria-hidden="true">
      {initialsOf(user)}
    </span>
  );
}
