"use client";

export { useChannel, useConnection, useEvent, useLeader, useMetrics, useTabState } from "./react/connection.js";
export type { Connection, LiveMetrics, TabState } from "./react/connection.js";
export { EverfreshProvider, useEverfresh } from "./react/context.js";
export { useContract, useFreshness, useSmartPolling } from "./react/contracts.js";
export type { ContractControls } from "./react/contracts.js";
export type { ListState } from "./react/list.js";
export type { MotionState } from "./react/motion.js";
export { useConflicts, useLiveMutation, useQueue } from "./react/mutations.js";
export type { Conflicts, LiveMutation, QueueView } from "./react/mutations.js";
// A bundler leaves these out, and the room with them, where nobody uses them.
export { useFieldLock, usePresence, useTyping } from "./react/room.js";
export type { FieldLock, PresenceOptions, TypingState } from "./react/room.js";
