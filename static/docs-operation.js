// One operation of the API: what it takes, what it answers, and a command to try it.

import { h, icon } from "./dom.js";
import { prose } from "./docs-text.js";
import { resolve, sample, schemaView } from "./docs-schema.js";

/** All operations of a description, as `{ id, method, path, tag, operation, shared }`. */
export function operationsOf(description) {
  const paths = { ...description.paths, ...hooks(description.webhooks) };
  return Object.entries(paths).flatMap(([path, item]) => {
    const { parameters = [], hook, ...methods } = resolve(item);
    return Object.entries(methods)
      .filter(([, operation]) => operation?.responses)
      .map(([method, operation]) => ({
        id: operation.operationId ?? `${method}-${path}`.replaceAll(/[^\w]+/g, "-"),
        method: hook ? "event" : method,
        path, operation, hook,
        tag: operation.tags?.[0] ?? (hook ? "Webhooks" : "Other"),
        parameters: [...parameters, ...(operation.parameters ?? [])].map(resolve),
        open: isOpen(operation, description),
      }));
  });
}

function hooks(webhooks = {}) {
  return Object.fromEntries(Object.entries(webhooks).map(([name, item]) => [name, { ...resolve(item), hook: true }]));
}

/** Whether an operation needs no token. */
function isOpen(operation, description) {
  const wanted = operation.security ?? description.security ?? [];
  return wanted.length === 0 || wanted.some((choice) => Object.keys(choice).length === 0);
}

export function methodBadge(method) {
  return h("span", { class: "method", "data-method": method }, method);
}

/** The path with its parameters set apart, and places where a long one may break. */
export function pathText(path) {
  return path.split(/(\{[^}]+\})/).filter(Boolean).flatMap((part) =>
    part.startsWith("{") ? [h("em", {}, part)] : part.split(/(?=\/)/).flatMap((piece) => [h("wbr"), piece]));
}

export function operationView(entry) {
  const { id, method, path, operation, open } = entry;
  return h("article", { class: "operation", id, "data-operation": id, "data-method": method },
    h("header", { class: "operation-head" },
      h("h3", {}, operation.summary ?? id,
        h("a", { class: "anchor", href: `#${id}`, "aria-label": "Link to this operation" }, icon("link"))),
      h("p", { class: "route" }, methodBadge(method), h("code", {}, pathText(path))),
      h("p", { class: "badges" },
        operation.deprecated && h("span", { class: "badge badge-warn" }, "deprecated"),
        !entry.hook && h("span", { class: "badge" }, open ? "no token needed" : "needs a token"))),
    h("div", { class: "prose" }, prose(operation.description)),
    parametersView(entry.parameters),
    bodyView(operation.requestBody),
    h("section", {}, h("h4", {}, "Answers"), Object.entries(operation.responses).map(answerView)),
    !entry.hook && curlView(entry));
}

function parametersView(parameters) {
  if (parameters.length === 0) return null;
  const rows = parameters.map((parameter) => h("li", { class: "parameter", "data-parameter": parameter.name },
    h("div", { class: "parameter-name" }, h("code", { class: "field-name" }, parameter.name),
      h("span", { class: "field-fact" }, parameter.in), parameter.required && h("span", { class: "field-required" }, "required")),
    h("div", {}, h("div", { class: "field-text" }, prose(parameter.description)), schemaView(parameter.schema ?? {}))));
  return h("section", {}, h("h4", {}, "Parameters"), h("ul", { class: "parameters" }, rows));
}

function bodyView(node) {
  const body = resolve(node);
  if (!body?.content) return null;
  return h("section", {}, h("h4", {}, "Body", body.required && h("span", { class: "field-required" }, "required")),
    h("div", { class: "prose" }, prose(body.description)),
    Object.entries(body.content).map(([type, media]) => mediaView(type, media)));
}

function mediaView(type, media) {
  const example = exampleOf(media);
  return h("div", { class: "media" },
    h("p", { class: "media-type" }, h("code", {}, type)),
    media.schema && schemaView(media.schema),
    example !== undefined && h("details", { class: "example" }, h("summary", {}, "Example"), h("pre", { class: "code" }, h("code", {}, pretty(example)))));
}

function exampleOf(media) {
  return media.example ?? resolve(Object.values(media.examples ?? {})[0])?.value;
}

const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function answerView([code, node]) {
  const answer = resolve(node);
  const content = Object.entries(answer.content ?? {});
  const head = [h("span", { class: "code-badge", "data-class": code[0] }, code), h("span", { class: "answer-text" }, ...prose(answer.description))];
  if (content.length === 0) return h("div", { class: "answer answer-plain", "data-answer": code }, head);
  const details = h("details", { class: "answer", "data-answer": code }, h("summary", {}, head));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(...content.map(([type, media]) => mediaView(type, media)));
  });
  return details;
}

// --- curl ---

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curlOf({ method, path, operation, parameters, open }) {
  const required = (place) => parameters.filter((parameter) => parameter.in === place && parameter.required);
  const value = (parameter) => encodeURIComponent(parameter.example ?? sample(parameter.schema ?? {}));
  const query = required("query").map((parameter) => `${parameter.name}=${value(parameter)}`).join("&");
  const lines = [`curl -X ${method.toUpperCase()} ${quoted(location.origin + path + (query ? `?${query}` : ""))}`];
  if (!open) lines.push('-H "Authorization: Bearer $TOKEN"');
  for (const { name } of required("header")) lines.push(/idempotency/i.test(name) ? `-H "${name}: $(openssl rand -hex 16)"` : `-H ${quoted(`${name}: …`)}`);
  const [type, media] = Object.entries(resolve(operation.requestBody)?.content ?? {})[0] ?? [];
  if (type) lines.push(`-H ${quoted(`Content-Type: ${type}`)}`, `-d ${quoted(pretty(exampleOf(media) ?? sample(media.schema ?? {})))}`);
  return lines.join(" \\\n  ");
}

function curlView(entry) {
  const command = curlOf(entry);
  const copy = h("button", { class: "copy", type: "button", "data-action": "copy-curl" }, "Copy");
  copy.addEventListener("click", async () => {
    const done = await navigator.clipboard.writeText(command).then(() => true, () => false);
    copy.textContent = done ? "Copied" : "Select and copy by hand";
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  return h("section", {}, h("h4", {}, "Try it"), h("div", { class: "curl" }, copy, h("pre", { class: "code", tabindex: "0" }, h("code", {}, command))));
}
