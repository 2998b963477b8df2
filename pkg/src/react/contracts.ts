"use client";

import { useEffect, useMemo } from "react";
import { EverfreshError } from "../errors.js";
import { inFamily, toKey } from "../keys.js";
import { useEverfresh, usePicked } from "./context.js";
import type { ContractStatus, EverfreshSnapshot, Family, QueryKey, RegisteredContracts } from "../types.js";

/**
 * How the contract stands that a query of this key is under: the one of the longest family that has the key.
 * `undefined` if there is none, and until the engine knows it.
 */
export function useFreshness(key: Family): ContractStatus | undefined {
  return useStatus(useContractOf(key));
}

/** A contract, as `useContract` shows it. */
export interface ContractControls {
  /** How it stands; `undefined` until the engine knows it. */
  readonly status: ContractStatus | undefined;
  /** The user wants the newest. */
  readonly refresh: () => void;
  /** Turns it off: while a form is filled in, say. */
  readonly disable: () => void;
  /** Puts it in force again. */
  readonly enable: () => void;
}

/** Has a contract kept for as long as the component is mounted, and shows how it stands. */
export function useContract(name: RegisteredContracts): ContractControls {
  const { contracts } = useEverfresh();
  useEffect(() => contracts.watch(name), [contracts, name]);
  const status = useStatus(name);
  return useMemo(
    () => ({
      status,
      refresh: () => contracts.refresh(name),
      disable: () => contracts.disable(name),
      enable: () => contracts.enable(name),
    }),
    [contracts, name, status],
  );
}

/**
 * How often a query of this key is to be looked after at present, in milliseconds, and `false` when not at all: as
 * `refetchInterval` of a query takes it. It follows the health of the connection and the visibility of the page
 * as the contract of the key says (`poll: "auto"`), and has that contract kept.
 *
 * @throws EverfreshError if no contract has the key.
 */
export function useSmartPolling(key: Family): number | false {
  const name = useContractOf(key);
  if (name === undefined) {
    const path = JSON.stringify(toKey(key));
    throw new EverfreshError(
      "option-missing",
      `no contract has the key ${path}. Add one to the options of createEverfresh(), such as ` +
        `contracts: { mine: { key: ${path}, poll: "auto" } }`,
      { path: "contracts", expected: "a contract of that key" },
    );
  }
  const { contracts } = useEverfresh<object, object, string>();
  useEffect(() => contracts.watch(name), [contracts, name]);
  return useStatus(name)?.interval ?? false;
}

/** The name of the contract of a key. */
function useContractOf(key: Family): string | undefined {
  const { families } = useEverfresh<object, object, string>().contracts;
  // A key is written anew with every render.
  const text = JSON.stringify(toKey(key));
  return useMemo(() => {
    const wanted = JSON.parse(text) as QueryKey;
    let found: [name: string, family: QueryKey] | undefined;
    for (const [name, family] of Object.entries(families)) {
      if (inFamily(wanted, family) && family.length > (found?.[1].length ?? -1)) found = [name, family];
    }
    return found?.[0];
  }, [families, text]);
}

function useStatus(name: string | undefined): ContractStatus | undefined {
  const pick = useMemo(
    () => (snapshot: EverfreshSnapshot) => snapshot.freshness.find(({ contract }) => contract === name),
    [name],
  );
  return usePicked(pick);
}
