// The reader of /openapi.json: groups the operations, finds them, and draws them.

import { h } from "./dom.js";
import { methodBadge, operationView, operationsOf, pathText } from "./docs-operation.js";
import { setRoot } from "./docs-schema.js";
import { prose } from "./docs-text.js";

const $ = (id) => document.getElementById(id);
let entries = [];

async function start() {
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    show(await response.json());
  } catch (error) {
    $("content").dataset.page = "failed";
    $("note").textContent = `The description could not be loaded: ${error.message}.`;
  }
  $("content").setAttribute("aria-busy", "false");
}

function show(description) {
  setRoot(description);
  entries = operationsOf(description);
  $("api-title").textContent = description.info.title;
  $("api-version").textContent = description.info.version;
  document.title = `${description.info.title} · API reference`;
  const groups = grouped(description.tags ?? []);
  $("nav").replaceChildren(...groups.map(navGroup));
  $("content").replaceChildren(
    h("header", { class: "intro" }, h("h1", {}, description.info.title), h("div", { class: "prose" }, prose(description.info.description))),
    ...groups.map(contentGroup),
    h("p", { class: "note", id: "nothing", hidden: true }, "Nothing matches."));
  $("content").dataset.page = "ready";
  // The address may have named an operation before there were any.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  watchReading();
}

/** Tags in the order of the description, then those it doesn't list. */
function grouped(tags) {
  const names = [...new Set([...tags.map(({ name }) => name), ...entries.map(({ tag }) => tag)])];
  return names
    .map((name) => ({ name, text: tags.find((tag) => tag.name === name)?.description, list: entries.filter(({ tag }) => tag === name) }))
    .filter(({ list }) => list.length > 0);
}

const slug = (name) => `tag-${name.toLowerCase().replaceAll(/[^\w]+/g, "-")}`;

function navGroup({ name, list }) {
  const rows = list.map(({ id, method, path, operation }) => h("li", { "data-entry": id },
    h("a", { href: `#${id}`, title: operation.summary ?? path }, methodBadge(method), h("span", {}, pathText(path)))));
  return h("section", { "data-group": name }, h("h2", {}, h("a", { href: `#${slug(name)}` }, name)), h("ul", {}, rows));
}

function contentGroup({ name, text, list }) {
  return h("section", { class: "group", id: slug(name), "data-group": name },
    h("h2", {}, name), h("div", { class: "prose" }, prose(text)), list.map(operationView));
}

/** All words typed must occur somewhere in an operation. */
function search() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = new Set(entries.filter((entry) => words.every((word) => haystack(entry).includes(word))).map(({ id }) => id));
  for (const element of document.querySelectorAll("[data-entry], [data-operation]")) {
    element.hidden = !hits.has(element.dataset.entry ?? element.dataset.operation);
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector("[data-entry]:not([hidden]), [data-operation]:not([hidden])");
  }
  document.querySelector(".intro").hidden = words.length > 0;
  $("nothing").hidden = hits.size > 0;
}

function haystack({ id, method, path, tag, operation, parameters }) {
  const names = parameters.map((parameter) => parameter.name).join(" ");
  return `${id} ${method} ${path} ${tag} ${names} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase();
}

/** Marks in the list what is being read. */
function watchReading() {
  const links = new Map([...document.querySelectorAll("[data-entry]")].map((row) => [row.dataset.entry, row.firstChild]));
  const seen = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  for (const operation of document.querySelectorAll("[data-operation]")) seen.observe(operation);
}

$("search").addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea")) return;
  event.preventDefault();
  $("search").focus();
});
start();
