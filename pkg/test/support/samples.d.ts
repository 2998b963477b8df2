// What samples take for granted: an app has these somewhere.
interface Task {
  id: string;
  title: string;
  boardId: string;
}
declare const session: { userId: string };
declare const api: { token(options: { channel?: string; signal: AbortSignal }): Promise<string> };

// A test runner's.
declare function test(name: string, run: () => Promise<void>): void;
declare const assert: {
  equal(one: unknown, other: unknown, message?: string): void;
  notEqual(one: unknown, other: unknown, message?: string): void;
  deepEqual(one: unknown, other: unknown, message?: string): void;
  ok(value: unknown, message?: string): asserts value;
  match(text: string, pattern: RegExp): void;
};

// What checks have besides.
/** The browser and the live server of this sample. */
declare const world: import("everfresh/testing").World;
/** The app's own backend: collections by their paths (`/api/tasks`), and every request that came. */
declare const backend: {
  /** What is at which path. */
  readonly data: Record<string, unknown>;
  /** Every request, as `PATCH /api/tasks/7`. */
  readonly requests: string[];
  /** Headers of the last request. */
  readonly headers: Headers;
  /** Answers instead, if it answers at all. */
  answer?: ((method: string, path: string, body: any) => Response | undefined) | undefined;
};
/** What was said to the console, one string a call. */
declare const said: string[];
/** Shows a query as a mounted component does; it is fetched from `/api/` and the elements of its key. */
declare function look(client: import("@tanstack/query-core").QueryClient, ...key: string[]): { readonly data: any };
/** Shows a component. */
declare function show(tree: import("react").ReactNode): Promise<{ text(): string; find(selector: string): any; hide(): void }>;
/** Runs what was handed to `test`. */
declare function runTests(): Promise<void>;
