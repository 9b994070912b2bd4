// One order as a card of the kitchen screen.

import { h, icon } from "./dom.js";
import { named } from "./format.js";
import { answerBy, groups, isOpen, itemsFor, mainStep, startStep } from "./kitchen-state.js";

const KIND_ICON = { delivery: "bike", pickup: "bag", dine_in: "plate" };

/** A new, empty card. Its head stays and its content is rebuilt, so that the timer's element keeps its place. */
export function newCard(orderId) {
  return h("article", { class: "card", "data-order": orderId, tabindex: "-1" });
}

/** Everything a card's look depends on, apart from its timer. */
export function cardKey(view) {
  const { order, pending, stuck, stopped, say, station } = view;
  return JSON.stringify([order.version, order.status, pending, pending.length > 0 && stuck, stopped, say.lang, station]);
}

export function fillCard(card, view) {
  const { order, stopped, say } = view;
  const recalled = order.tickets?.some((ticket) => ticket.status === "recalled") && !stopped;
  Object.assign(card.dataset, {
    status: order.status, version: order.version, number: order.number,
    fulfilment: order.fulfilment, stopped: Boolean(stopped), recalled: Boolean(recalled),
    pending: view.pending.length > 0,
  });
  card.setAttribute("aria-label", `${say("track.order")} ${order.number}, ${say(`status.${order.status}`)}`);
  card.replaceChildren(...[
    head(view, recalled),
    stopped && h("p", { class: "card-stop" }, say("kitchen.stop", { status: say(`status.${order.status}`) })),
    answerBy(order) && !stopped && h("p", { class: "card-deadline", role: "timer" }),
    order.note && h("p", { class: "card-note" }, icon("note"), h("bdi", {}, order.note)),
    h("div", { class: "card-body" }, body(view)),
    alsoAt(view),
    foot(view),
  ].filter(Boolean));
}

function head({ order, say }, recalled) {
  return h("header", { class: "card-head" },
    h("span", { class: "card-key" }),
    h("bdi", { class: "card-number", "data-long": String(order.number).length > 4 }, order.number),
    h("span", { class: "card-kind" },
      h("span", { class: "card-kind-row" }, icon(KIND_ICON[order.fulfilment] ?? "bag"), say.named("kind", order.fulfilment)),
      h("span", { class: "card-source" }, recalled ? say("kitchen.recalled") : say.named("source", order.source ?? "app"))),
    h("time", { class: "card-timer" }));
}

function body(view) {
  const { order, station, say } = view;
  if (station) return h("ul", { class: "lines" }, itemsFor(order, station).map((item) => line(item, say)));
  return groups(order, station).map((group) => stationBlock(group, view));
}

/** The items of one station with its own button: a bump of the whole ticket isn't the only way. */
function stationBlock({ station, ticket, items }, view) {
  const { order, say, pending, stuck, stopped } = view;
  const status = ticket?.status ?? "";
  const cooking = ["accepted", "preparing"].includes(order.status) && !stopped;
  const waits = pending.some((step) => step.kind === "bump" && step.stations?.includes(station));
  const name = station ? say.named("station", station) : say("station.none");
  // With one station only, the large button below says the same.
  const button = ticket && isOpen(ticket) && cooking && order.tickets.length > 1;
  return h("section", { class: "block", "data-station": station ?? "", "data-ticket": status },
    h("div", { class: "block-head" },
      h("h3", {}, `${name} `, ticket && h("span", { class: "block-state" }, say(`ticket.${status}`))),
      button && h("button", {
        class: "block-bump", type: "button", "data-action": "bump-station", "data-station": station,
        "data-pending": waits, disabled: waits, "aria-label": `${name}: ${say(waits ? pendingWord(stuck) : "kitchen.bump")}`,
      }, icon(waits ? "wait" : "check"))),
    h("ul", { class: "lines" }, items.map((item) => line(item, say))));
}

const pendingWord = (stuck) => (stuck ? "kitchen.queued" : "kitchen.sending");

function line(item, say) {
  const options = (item.options ?? []).map((option) =>
    h("span", { class: "line-option" }, h("bdi", {}, (option.quantity > 1 ? `${option.quantity}× ` : "+ ") + named(option.name, say.lang))));
  return h("li", { class: "line", "data-sku": item.sku },
    h("b", { class: "line-count", "data-many": item.quantity > 1 }, item.quantity),
    h("span", { class: "line-name" }, h("bdi", {}, named(item.name, say.lang)), options,
      item.note && h("span", { class: "line-note" }, h("bdi", {}, item.note))));
}

/** On a station's screen: who else is working on this order. */
function alsoAt({ order, station, say }) {
  if (!station) return null;
  const others = (order.tickets ?? []).filter((ticket) => ticket.station !== station && ticket.status !== "voided");
  const names = others.map((ticket) => say.named("station", ticket.station) + (isOpen(ticket) ? "" : " ✓"));
  return names.length > 0 && h("p", { class: "card-also" }, say("kitchen.alsoAt", { stations: names.join(say.lang === "ar" ? "، " : ", ") }));
}

function foot(view) {
  const { order, station, stopped, say } = view;
  if (stopped) return h("footer", { class: "card-foot" }, button("dismiss", "quiet", "close", say("kitchen.dismiss"), view));
  const main = mainStep(order, station);
  if (!main) return null;
  const start = startStep(order, station);
  return h("footer", { class: "card-foot" },
    main.kind === "accept" && button("reject", "quiet", null, say("kitchen.reject"), view),
    start && main.kind !== "start" && button("start", "quiet", null, say("kitchen.start"), view),
    button(main.kind, "main", main.kind === "start" ? "play" : "check", mainWord(main, view), view));
}

function mainWord({ kind }, { order, station, say }) {
  if (kind === "handover") return say(`kitchen.handover.${order.fulfilment}`);
  if (kind === "bump") return say(station || (order.tickets ?? []).length < 2 ? "kitchen.bump" : "kitchen.bumpAll");
  return say(`kitchen.${kind}`);
}

function button(action, look, image, label, { pending, stuck, say }) {
  const waits = pending.some((step) => step.kind === action && !(action === "bump" && step.partial));
  // While one step of an order is on its way, the opposite one mustn't be tapped.
  const blocked = waits || (["accept", "reject"].includes(action) && pending.length > 0);
  return h("button", {
    class: `step step-${look}`, type: "button", "data-action": action, "data-pending": waits, disabled: blocked,
  }, waits ? icon("wait") : image && icon(image), h("span", {}, waits ? say(pendingWord(stuck)) : label));
}
