/* The glue of a module with fewer parts looks the same. */
export * from "./everfresh.js";
export { default } from "./everfresh.js";
