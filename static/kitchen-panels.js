// What opens beside or over the cards: all-day counts, the recall list, the reasons of a rejection, the token form.

import { h, icon } from "./dom.js";
import { clockTime, named } from "./format.js";
import { REASONS, allDay, recallStep } from "./kitchen-state.js";
import { claims } from "./token.js";

function title(text, say) {
  return h("div", { class: "panel-head" }, h("h2", {}, text),
    h("button", { class: "panel-close", type: "button", "data-action": "close-panel", "aria-label": say("kitchen.close") }, icon("close")));
}

export function allDayPanel(orders, station, say) {
  const rows = allDay(orders, station).map(({ sku, name, quantity }) =>
    h("li", { class: "count", "data-sku": sku, "data-quantity": quantity }, h("b", {}, quantity), h("bdi", {}, named(name, say.lang))));
  return [title(say("kitchen.allDay"), say), rows.length > 0 ? h("ul", {}, rows) : h("p", { class: "panel-empty" }, say("kitchen.allDayEmpty"))];
}

/** `orders`: candidates, newest first. What is out with a courier is named, but can't come back. */
export function recallPanel(orders, { station, say, pending }) {
  const rows = orders.map((order) => recallRow(order, station, say, pending(order.id)));
  return [title(say("kitchen.recallTitle"), say), rows.length > 0 ? h("ul", {}, rows) : h("p", { class: "panel-empty" }, say("kitchen.recallEmpty"))];
}

function recallRow(order, station, say, pending) {
  const step = recallStep(order, station);
  const waits = pending.some(({ kind }) => kind === "recall" || kind === "reopen");
  return h("li", { class: "recall-row", "data-order": order.id },
    h("bdi", { class: "recall-number" }, order.number),
    h("span", { class: "recall-what" }, say(`status.${order.status}`), h("bdi", {}, clockTime(order.updatedAt, say.lang))),
    step
      ? h("button", { class: "recall-button", type: "button", "data-action": "recall", "data-pending": waits, disabled: waits },
        icon(waits ? "wait" : "undo"), say(waits ? "kitchen.sending" : "kitchen.recall"))
      : h("span", { class: "recall-no" }, say("kitchen.recallNo")));
}

/** Asks why. Resolves to a reason's code, or null if it was closed. */
export function askReason(dialog, order, say) {
  const choices = REASONS.filter((code) => code !== "no_courier" || order.fulfilment === "delivery");
  dialog.replaceChildren(
    h("h2", {}, say("kitchen.whyReject", { number: order.number })),
    h("form", { method: "dialog", class: "reasons" },
      choices.map((code) => h("button", { value: code, "data-reason": code }, say(`reason.${code}`)))),
    h("form", { method: "dialog" }, h("button", { class: "dialog-close", value: "", "data-action": "close-reject" }, say("kitchen.close"))));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue || null), { once: true }));
}

/** Asks for a token (and the store, if neither the address nor the token names one). Can't be closed without. */
export function askToken(dialog, { say, ended, storeId }) {
  if (dialog.open) return new Promise(() => {});
  const token = h("textarea", { id: "login-token", rows: 4, required: true, autocomplete: "off", spellcheck: "false", dir: "ltr" });
  const store = h("input", { id: "login-store", placeholder: "str_…", autocomplete: "off", dir: "ltr", value: storeId ?? "" });
  const problem = h("p", { class: "login-problem", id: "login-problem", role: "alert" });
  const form = h("form", { class: "login", id: "login-form" },
    h("label", { for: "login-token" }, say("login.token")), token,
    !storeId && [h("label", { for: "login-store" }, say("login.store")), store],
    problem, h("button", { class: "step step-main", "data-action": "login" }, say("login.go")));
  dialog.replaceChildren(h("h2", {}, say("login.title")), h("p", { class: "dialog-text" }, say(ended ? "login.ended" : "login.text")), form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  return new Promise((resolve) => form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = { token: token.value.trim(), store: store.value.trim() };
    const known = claims(given.token);
    if (!known) return void (problem.textContent = say("login.bad"));
    if (!storeId && !given.store && !(known.stores?.length === 1 && known.stores[0] !== "*")) return void store.focus();
    dialog.close();
    resolve(given);
  }));
}

/** A message that goes away by itself; pressing it removes it sooner. */
export function message(place, text) {
  const toast = h("button", { class: "toast", type: "button", "data-action": "close-message" }, text, icon("close"));
  toast.addEventListener("click", () => toast.remove());
  place.append(toast);
  setTimeout(() => toast.remove(), 12_000);
}
