/* The glue of the module without mutations looks the same. */
export * from "./everfresh.js";
export { default } from "./everfresh.js";
