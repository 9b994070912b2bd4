// Schemas as trees that open step by step. Children are built when first opened, so schemas may refer to themselves.

import { h } from "./dom.js";
import { prose } from "./docs-text.js";

let root = {};

export function setRoot(description) {
  root = description;
}

/** Follows a `$ref` inside the description. What stands beside it (a description) wins. */
export function resolve(node) {
  let found = node;
  let name = null;
  for (let hops = 0; found?.$ref && hops < 20; hops += 1) {
    const { $ref, ...beside } = found;
    const path = $ref.replace(/^#\//, "").split("/").map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
    name = path.at(-1);
    found = { ...path.reduce((at, part) => at?.[part], root), ...beside };
  }
  return found && name ? { ...found, "x-name": name } : found ?? {};
}

/** A schema with its `allOf` parts laid together. */
function whole(node) {
  const schema = resolve(node);
  if (!schema.allOf) return schema;
  const { allOf, ...own } = schema;
  return [...allOf.map(whole), own].reduce((all, part) => ({
    ...all, ...part,
    properties: { ...all.properties, ...part.properties },
    required: [...new Set([...(all.required ?? []), ...(part.required ?? [])])],
  }), {});
}

const variantsOf = (schema) => (schema.oneOf ?? schema.anyOf ?? []).map(whole);
const isNull = (schema) => schema.type === "null";

function typeOf(node) {
  const schema = whole(node);
  const variants = variantsOf(schema);
  if (variants.length > 0) return [...new Set(variants.map(typeOf))].join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const types = [schema.type ?? (schema.properties ? "object" : schema.enum ? "string" : "any")].flat();
  return types.map((type) => (type === "array" ? `array of ${typeOf(schema.items ?? {})}` : named(type, schema))).join(" or ");
}

function named(type, schema) {
  if (type === "object" && schema["x-name"]) return schema["x-name"];
  if (type === "object" && typeof schema.additionalProperties === "object") return `map of ${typeOf(schema.additionalProperties)}`;
  return schema.format && type !== "null" ? `${type} (${schema.format})` : type;
}

/** Limits and choices in words. */
function facts(schema) {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  const range = (low, high, unit) => {
    if (low === undefined && high === undefined) return null;
    if (high === undefined) return `at least ${low}${unit}`;
    return low === undefined ? `at most ${high}${unit}` : `${low} to ${high}${unit}`;
  };
  return [
    range(minimum, maximum, ""), range(minLength, maxLength, " characters"), range(minItems, maxItems, " entries"),
    pattern && `matches ${pattern}`,
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
    schema.readOnly && "read only", schema.deprecated && "deprecated",
  ].filter(Boolean);
}

/** What can be opened below a schema: `[name, schema, required]` rows. */
function childrenOf(node) {
  const schema = whole(node);
  const variants = variantsOf(schema).filter((variant) => !isNull(variant));
  if (variants.length === 1) return childrenOf(variants[0]);
  if (variants.some((variant) => childrenOf(variant).length > 0)) {
    return variants.map((variant, index) => [variant["x-name"] ?? variant.title ?? `choice ${index + 1}`, variant, null]);
  }
  if (schema.items) return childrenOf(schema.items);
  const rows = Object.entries(schema.properties ?? {}).map(([name, child]) => [name, child, schema.required?.includes(name) ?? false]);
  const more = schema.additionalProperties;
  return more && typeof more === "object" ? [...rows, ["(any name)", more, null]] : rows;
}

function enumOf(node) {
  const schema = whole(node);
  const inside = variantsOf(schema).find((variant) => variant.enum) ?? (schema.items && whole(schema.items));
  return schema.enum ?? inside?.enum ?? null;
}

function rowHead(name, node, required) {
  const schema = whole(node);
  return [
    h("code", { class: "field-name" }, name), " ",
    h("span", { class: "field-type" }, typeOf(node)), " ",
    required && h("span", { class: "field-required" }, "required"),
    facts(schema).map((fact) => h("span", { class: "field-fact" }, fact)),
  ];
}

function rowText(node) {
  const values = enumOf(node);
  return [
    ...prose(whole(node).description),
    values && h("p", { class: "values" }, values.filter((value) => value !== null).map((value) => h("code", {}, String(value)))),
  ].filter(Boolean);
}

/** One field; with children it can be opened. */
function field([name, node, required]) {
  const text = rowText(node);
  const words = text.length > 0 && h("div", { class: "field-text" }, text);
  if (childrenOf(node).length === 0) return h("li", { class: "field" }, h("div", { class: "field-head" }, rowHead(name, node, required)), words);
  const details = h("details", {}, h("summary", { class: "field-head" }, rowHead(name, node, required)));
  details.addEventListener("toggle", () => details.open && details.children.length === 1 && details.append(tree(node)));
  return h("li", { class: "field" }, details, words);
}

function tree(node) {
  return h("ul", { class: "tree" }, childrenOf(node).map(field));
}

/** A schema: its type, and its fields one level deep. */
export function schemaView(node) {
  const rows = childrenOf(node);
  const text = rowText(node);
  return h("div", { class: "schema" },
    h("p", { class: "schema-type" }, typeOf(node), facts(whole(node)).map((fact) => h("span", { class: "field-fact" }, fact))),
    text.length > 0 && h("div", { class: "field-text" }, text),
    rows.length > 0 && tree(node));
}

/** A small value that fits a schema: the given example if there is one, else required fields only. */
export function sample(node, depth = 0) {
  const schema = whole(node);
  const given = schema.example ?? schema.examples?.[0] ?? schema.const ?? schema.default ?? schema.enum?.[0];
  if (given !== undefined) return given;
  const variants = variantsOf(schema).filter((variant) => !isNull(variant));
  if (variants.length > 0) return sample(variants[0], depth);
  const type = [schema.type ?? (schema.properties ? "object" : "string")].flat().find((one) => one !== "null");
  if (type === "object") return sampleObject(schema, depth);
  if (type === "array") return depth > 4 ? [] : [sample(schema.items ?? {}, depth + 1)];
  return { integer: schema.minimum ?? 1, number: schema.minimum ?? 1, boolean: true }[type] ?? (schema.format === "date-time" ? "2026-11-20T18:30:00Z" : "string");
}

function sampleObject(schema, depth) {
  if (depth > 5) return {};
  const names = schema.required?.length ? schema.required : Object.keys(schema.properties ?? {}).slice(0, depth === 0 ? 3 : 1);
  return Object.fromEntries(names.map((name) => [name, sample(schema.properties?.[name] ?? {}, depth + 1)]));
}
