const asked = new URLSearchParams(location.search);

/**
 * Which browser this page stands for, by `?device=phone`: an instance of its own, with its own connection, queue and
 * login. Pages of the same device are its tabs. The server's lab knows devices by this name too.
 */
export const device: string | undefined = plain(asked.get("device"));

/** Of a tab in a window of its own: the stage that it takes part in, and what that calls it. */
export const seatOnStage: { readonly stage: string; readonly key: string } | undefined = seatOf(plain(asked.get("stage")), plain(asked.get("key")));

/** Whether the page is a tab of the stage, in a frame or in a window. Only a page of this origin may show it (`frame-ancestors`). */
export const onStage: boolean = device !== undefined && (seatOnStage !== undefined || window.parent !== window);

/** The address of the server's events, by which its lab can tell whose connection it is. */
export const liveUrl: string = device === undefined ? "/live" : `/live?device=${device}`;

/** A token of the demo, of which the server's lab can say that it has expired. A new one is another one. */
export function passOf(user: string): string {
  return device === undefined ? `demo:${user}` : `demo:${user}#${device}/${Math.random().toString(36).slice(2)}`;
}

function seatOf(stage: string | undefined, key: string | undefined) {
  return stage === undefined || key === undefined ? undefined : { stage, key };
}

function plain(name: string | null): string | undefined {
  return name !== null && /^[a-z0-9-]{1,32}$/i.test(name) ? name : undefined;
}
