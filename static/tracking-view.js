// Puts one order on the customer's page.

import { now } from "./clock.js";
import { h, icon, paint, put } from "./dom.js";
import { clockTime, minutes, money, moneyOf, named } from "./format.js";

const $ = (id) => document.getElementById(id);

/** The steps of each kind of order. `accepted` is a line under the first one, not a step of its own. */
const STEPS = {
  delivery: ["placed", "preparing", "ready", "out_for_delivery", "delivered"],
  pickup: ["placed", "preparing", "ready", "picked_up"],
  dine_in: ["placed", "preparing", "ready", "served"],
};
const GOOD = new Set(["delivered", "picked_up", "served"]);
const BAD = new Set(["rejected", "expired", "cancelled", "failed"]);
const KIND_ICON = { delivery: "bike", pickup: "bag", dine_in: "plate" };
const STEP_ICON = {
  placed: "receipt", preparing: "flame", ready: "check", out_for_delivery: "bike",
  delivered: "home", picked_up: "bag", served: "plate",
};
/** The courier's side has nothing to tell then. */
const COURIER_QUIET = new Set(["none", "cancelled", undefined]);

export const isOver = (order) => GOOD.has(order.status) || BAD.has(order.status);

export function showOrder(order, say) {
  showHead(order, say);
  tickEta(order, say, now());
  const seen = [order.timeline, order.status, order.fulfilment, say.lang];
  paint($("timeline"), seen, () => timeline(order, say));
  $("timeline").setAttribute("aria-label", say("track.progress"));
  showCourier(order, say);
  showItems(order, say);
  put($("updated"), say("track.updated", { time: clockTime(order.updatedAt, say.lang) }));
}

function showHead(order, say) {
  const { status, fulfilment } = order;
  const head = say(`head.${status}`, {}, status);
  document.title = say("track.page", { status: head, number: order.number });
  Object.assign($("status").dataset, { status, version: order.version, mood: mood(status), fulfilment });
  put($("number-label"), say("track.order"));
  put($("number"), order.number);
  paint($("fulfilment"), [fulfilment, say.lang], () => [icon(KIND_ICON[fulfilment]), h("span", {}, say.named("fulfilment", fulfilment))]);
  put($("headline"), head);
  put($("status-text"), statusText(order, say));
}

function mood(status) {
  if (BAD.has(status)) return "bad";
  return GOOD.has(status) ? "good" : "";
}

function statusText(order, say) {
  const { status, fulfilment } = order;
  if (status === "expired") return say("why.expired");
  // Staff write reason notes for each other: the customer gets the code in words only.
  if (BAD.has(status)) return say(`why.${order.reason?.code}`, {}, say("why.other"));
  return say(`text.${status}.${fulfilment}`, {}, say(`text.${status}`, {}, ""));
}

/** The time it arrives or is ready; nothing once that has happened. */
function etaOf(order) {
  if (isOver(order) || order.status === "pending_payment") return null;
  const { arrivesAt, readyAt } = order.eta ?? {};
  if (order.fulfilment === "delivery" && arrivesAt) return { at: arrivesAt, label: "track.arrives" };
  const waits = ["placed", "accepted", "preparing"].includes(order.status);
  return readyAt && waits ? { at: readyAt, label: "track.readyAt" } : null;
}

/** Called often: the minutes left run down by themselves. */
export function tickEta(order, say, present) {
  const eta = etaOf(order);
  $("eta").hidden = !eta;
  if (!eta) return;
  const left = Math.ceil((Date.parse(eta.at) - present) / 60_000);
  put($("eta-label"), say(eta.label));
  put($("eta-time"), clockTime(eta.at, say.lang));
  // A promise that has passed is not shown as a negative number.
  put($("eta-left"), left > 0 ? say("track.in", { minutes: minutes(left, say.lang) }) : say("track.anyMinute"));
  put($("eta-note"), say("track.changes"));
}

/** When a status was last entered: a recalled order has some of them twice. */
function timeOf(order, status) {
  return order.timeline?.findLast((entry) => entry.status === status)?.at ?? null;
}

function timeline(order, say) {
  const steps = STEPS[order.fulfilment] ?? STEPS.delivery;
  if (BAD.has(order.status)) return brokenTimeline(order, steps, say);
  const position = { pending_payment: -1, accepted: 0 }[order.status] ?? steps.indexOf(order.status);
  const ended = position === steps.length - 1;
  return steps.map((step, index) => {
    const state = index < position || ended ? "done" : index === position ? "now" : "next";
    return stepLine(step, state, state === "next" ? null : timeOf(order, step), order, say);
  });
}

/** What had been reached, and then the end. */
function brokenTimeline(order, steps, say) {
  const reached = steps.filter((step) => timeOf(order, step));
  const lines = reached.map((step) => stepLine(step, "done", timeOf(order, step), order, say));
  return [...lines, stepLine(order.status, "bad", timeOf(order, order.status) ?? order.updatedAt, order, say)];
}

function stepLine(step, state, at, order, say) {
  const mark = { done: "check", bad: "close" }[state] ?? STEP_ICON[step];
  const confirmed = step === "placed" && timeOf(order, "accepted");
  return h("li", { class: "step", "data-step": state, "data-status": step, "aria-current": state === "now" ? "step" : null },
    h("span", { class: "step-mark" }, icon(mark)),
    h("span", { class: "step-name" }, say(`step.${step}`),
      confirmed && h("span", { class: "step-more" }, say("step.confirmed", { time: clockTime(confirmed, say.lang) })),
      (state === "done" || state === "now") && h("span", { class: "sr-only" }, ` (${say(`track.${state}`)})`)),
    at && h("time", { class: "step-time", datetime: at }, h("bdi", {}, clockTime(at, say.lang))));
}

function showCourier(order, say) {
  const { courier, status, trackingUrl } = order.delivery ?? {};
  const searching = status === "searching" && !isOver(order);
  const shown = order.fulfilment === "delivery" && !BAD.has(order.status) && (courier || searching) && !COURIER_QUIET.has(status);
  $("courier").hidden = !shown;
  if (shown) paint($("courier"), [courier, status, trackingUrl, order.status, say.lang], () => courierCard(order, say));
}

function courierCard(order, say) {
  const { courier, status, trackingUrl } = order.delivery;
  const name = courier?.name ?? say("courier.title");
  const finished = isOver(order);
  return [
    h("h2", {}, say("courier.title")),
    h("div", { class: "courier-row" },
      h("span", { class: "courier-face" }, icon("bike")),
      h("div", { class: "courier-who" },
        courier && h("p", { class: "courier-name", id: "courier-name" }, h("bdi", {}, name)),
        h("p", { class: "courier-state", id: "courier-state" }, say(`courier.${status}`, {}, ""))),
      !finished && callLink(courier, say)),
    !finished && mapLink(trackingUrl, say),
  ];
}

function callLink(courier, say) {
  const phone = courier?.phone?.replace(/[^\d+]/g, "");
  if (!phone) return null;
  const label = say("courier.call", { name: courier.name });
  return h("a", { class: "button", id: "courier-call", href: `tel:${phone}`, "aria-label": label }, icon("phone"), h("span", {}, say("courier.callShort")));
}

/** The address comes from a partner: only a web address may become a link. */
function mapLink(address, say) {
  if (!/^https?:\/\//i.test(address ?? "")) return null;
  return h("a", { class: "button button-quiet", id: "courier-map", href: address, target: "_blank", rel: "noopener noreferrer" },
    icon("map"), say("courier.map"));
}

function showItems(order, say) {
  const { items = [], total, address, payment, fulfilment, note } = order;
  $("items").hidden = items.length === 0 && !total;
  paint($("items"), [items, total, address, payment, note, say.lang], () => [
    h("h2", {}, say("track.items")),
    h("ul", {}, items.map((item) => itemLine(item, say))),
    otherCharges(items, total, say),
    total && h("p", { class: "sum sum-total" }, h("span", {}, say("track.total")), h("bdi", { class: "amount", id: "total" }, money(total, say.lang))),
    facts({ address, payment, fulfilment, note }, say),
  ]);
}

function itemLine(item, say) {
  const options = (item.options ?? []).map((option) => (option.quantity > 1 ? `${option.quantity}× ` : "") + named(option.name, say.lang));
  const price = item.unitPrice && moneyOf(item.unitPrice.amount * item.quantity, item.unitPrice);
  return h("li", { class: "item", "data-sku": item.sku },
    h("bdi", { class: "item-count" }, `${item.quantity}×`),
    h("span", { class: "item-name" }, h("bdi", {}, named(item.name, say.lang)),
      options.map((text) => h("span", { class: "item-more" }, h("bdi", {}, text))),
      item.note && h("span", { class: "item-more" }, say("track.note", { note: item.note }))),
    price && h("bdi", { class: "amount" }, money(price, say.lang)));
}

/** The lines don't carry fees: what is missing to the total is shown as such, so that the sum is right. */
function otherCharges(items, total, say) {
  const priced = items.length > 0 && total && items.every((item) => item.unitPrice?.currency === total.currency);
  if (!priced) return null;
  const rest = total.amount - items.reduce((sum, item) => sum + item.unitPrice.amount * item.quantity, 0);
  if (rest === 0) return null;
  const label = say(rest > 0 ? "track.other" : "track.discount");
  return h("p", { class: "sum" }, h("span", {}, label), h("bdi", { class: "amount" }, money(moneyOf(rest, total), say.lang)));
}

function facts({ address, payment, fulfilment, note }, say) {
  const place = [address?.area, address?.city].filter(Boolean).join(say.lang === "ar" ? "، " : ", ");
  const row = (name, value) => value && h("div", {}, h("dt", {}, name), h("dd", {}, h("bdi", {}, value)));
  const rows = [
    fulfilment === "delivery" && row(say("track.to"), place),
    row(say("pay.label"), paymentText(payment, fulfilment, say)),
    row(say("track.yourNote"), note),
  ].filter(Boolean);
  return rows.length > 0 && h("dl", { class: "facts" }, rows);
}

function paymentText(payment, fulfilment, say) {
  const { status, method } = payment ?? {};
  const how = method ? say(`pay.${method}.${fulfilment}`, {}, say.named("pay", method)) : "";
  if (!status || status === "none") return how;
  const state = say(`pay.${status}`, {}, "");
  return how && method !== "cash" ? `${state} · ${how}` : state;
}
