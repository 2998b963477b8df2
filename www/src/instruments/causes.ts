/** What a contract was broken by, in words. */
export const CAUSES: Readonly<Record<string, string>> = {
  offline: "no connection",
  throttled: "a throttled tab",
  frozen: "a frozen tab",
  "slow-fetch": "a slow answer",
  "server-error": "a server that failed or was out of reach",
};
