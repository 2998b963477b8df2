// Holds messages against docs/protocol/fresh.v1.schema.json. Only the keywords that stand in that file are known, and
// one that is not known is an error: a rule that nobody checks would look as if it held.

import { readFileSync } from "node:fs";

const file = new URL("../../docs/protocol/fresh.v1.schema.json", import.meta.url);
const { $defs } = JSON.parse(readFileSync(file, "utf8"));

const is = {
  object: (value) => value !== null && typeof value === "object" && !Array.isArray(value),
  array: Array.isArray,
  integer: Number.isInteger,
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

const rules = {
  $ref: (name, value, at) => faults($defs[name.replace("#/$defs/", "")], value, at),
  type: (types, value, at) => say([types].flat().some((type) => is[type](value)), `${at} is no ${types}`),
  const: (wanted, value, at) => say(value === wanted, `${at} is not ${JSON.stringify(wanted)}`),
  enum: (wanted, value, at) => say(wanted.includes(value), `${at} is none of ${wanted.join(", ")}`),
  minimum: (least, value, at) => say(!(value < least), `${at} is below ${least}`),
  maximum: (most, value, at) => say(!(value > most), `${at} is above ${most}`),
  minLength: (least, value, at) => say(!is.string(value) || value.length >= least, `${at} is too short`),
  maxLength: (most, value, at) => say(!is.string(value) || [...value].length <= most, `${at} is too long`),
  pattern: (pattern, value, at) =>
    say(!is.string(value) || new RegExp(pattern, "u").test(value), `${at} does not match ${pattern}`),
  maxItems: (most, value, at) => say(!is.array(value) || value.length <= most, `${at} has more than ${most} items`),
  items: (schema, value, at) =>
    is.array(value) ? value.flatMap((item, index) => faults(schema, item, `${at}[${index}]`)) : [],
  required: (names, value, at) =>
    is.object(value) ? names.filter((name) => !(name in value)).map((name) => `${at} has no \`${name}\``) : [],
  properties: (schemas, value, at) =>
    Object.entries(schemas).flatMap(([name, schema]) =>
      is.object(value) && name in value ? faults(schema, value[name], `${at}.${name}`) : []),
  propertyNames: (schema, value, at) =>
    is.object(value) ? Object.keys(value).flatMap((name) => faults(schema, name, `a name in ${at}`)) : [],
  additionalProperties: (schema, value, at) =>
    is.object(value) ? Object.entries(value).flatMap(([name, member]) => faults(schema, member, `${at}.${name}`)) : [],
  anyOf: (schemas, value, at) =>
    say(schemas.some((schema) => faults(schema, value, at).length === 0), `${at} is nothing of what it may be`),
  description: () => [],
};

function say(well, fault) {
  return well ? [] : [fault];
}

function faults(schema, value, at) {
  const { if: condition, else: otherwise, ...plain } = schema;
  const found = Object.entries(plain).flatMap(([keyword, rule]) => {
    if (!(keyword in rules)) throw new Error(`the schema has \`${keyword}\`, which nobody checks`);
    return rules[keyword](rule, value, at);
  });
  if (condition && faults(condition, value, at).length > 0) found.push(...faults(otherwise, value, at));
  return found;
}

/** What is wrong with a message of the server. A message of a type that is not known is passed over. */
export function faultsOfServer(message) {
  const schema = $defs[`server-${message?.t}`];
  if (schema) return faults(schema, message, message.t);
  return is.object(message) && is.string(message.t) ? [] : ["a message is an object with a text `t`"];
}
