import type { Violation } from "everfresh";
import { create } from "zustand";

/** The last time that each contract was broken, as the engine told it. */
export const useViolations = create<Readonly<Record<string, Violation & { readonly at: number }>>>(() => ({}));

export function noteViolation(violation: Violation): void {
  useViolations.setState({ [violation.contract]: { ...violation, at: Date.now() } });
}
