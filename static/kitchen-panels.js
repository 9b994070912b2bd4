// What opens beside or over the cards: all-day counts, the recall list, the reasons of a rejection.

import { h, icon } from "./dom.js";
import { clockTime, named } from "./format.js";
import { REASONS, allDay, recallStep } from "./kitchen-state.js";

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
