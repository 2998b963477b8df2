const asked = new URLSearchParams(location.search);

/**
 * Which browser this page stands for, by `?device=phone`: an instance of its own, with its own connection, queue and
 * login. Pages of the same device are its tabs. The server's lab knows devices by this name too.
 */
export const device: string | undefined = plain(asked.get("device"));

/** Whether the page is one of the tabs on the stage. Only a page of this origin may show it (`frame-ancestors`). */
export const onStage: boolean = device !== undefined && window.parent !== window;

/** The address of the server's events, by which its lab can tell whose connection it is. */
export const liveUrl: string = device === undefined ? "/live" : `/live?device=${device}`;

/** A token of the demo, of which the server's lab can say that it has expired. A new one is another one. */
export function passOf(user: string): string {
  return device === undefined ? `demo:${user}` : `demo:${user}#${device}/${Math.random().toString(36).slice(2)}`;
}

function plain(name: string | null): string | undefined {
  return name !== null && /^[a-z0-9-]{1,32}$/i.test(name) ? name : undefined;
}
