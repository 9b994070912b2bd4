// Draws the kitchen screen: cards, panels, counts, and every second the timers and the age of the data.

import { now } from "./clock.js";
import { h, paint, put } from "./dom.js";
import { stopwatch } from "./format.js";
import { cardKey, fillCard, newCard } from "./kitchen-card.js";
import { showClock, showConnection, showQueue, showTallies } from "./kitchen-header.js";
import { allDayPanel, recallPanel } from "./kitchen-panels.js";
import { $, screen, shownOrders } from "./kitchen-screen.js";
import { answerBy, heat, recallStep, urgency, waitsSince } from "./kitchen-state.js";

const SETTLE = 500;
/** Pixels of one row of the grid, and how many of them lie between two cards. */
const ROW = 4;
const GAP_ROWS = 3;

export function render() {
  const orders = shownOrders();
  renderCards(orders);
  showTallies(orders.filter((order) => !screen.stopped.has(order.id)), screen.say);
  showQueue(screen.commands, screen.client, screen.say);
  renderPanels(orders);
  tick();
}

function renderCards(orders) {
  const grid = $("orders");
  const present = new Set(orders.map((order) => order.id));
  for (const [id, card] of screen.cards) {
    if (present.has(id)) continue;
    heights.unobserve(card);
    card.remove();
    screen.cards.delete(id);
  }
  orders.forEach((order, index) => {
    const card = renderCard(order, index);
    // Moving an element that is in its place already would break a tap in progress.
    if (grid.children[index] !== card) grid.insertBefore(card, grid.children[index] ?? null);
  });
  grid.querySelector(".empty")?.remove();
  grid.dataset.count = orders.length;
  grid.dataset.page = screen.loaded ? "orders" : "loading";
  if (orders.length === 0) grid.append(emptyNote());
}

function renderCard(order, index) {
  const card = screen.cards.get(order.id) ?? watched(newCard(order.id));
  screen.cards.set(order.id, card);
  const { station, say, commands, stopped } = screen;
  const pending = commands.pending(order.id);
  const view = { order, station, say, pending, stuck: commands.stuck, stopped: stopped.has(order.id) };
  const key = cardKey(view);
  if (card.dataset.status !== order.status || card.place !== index) settle(card);
  card.place = index;
  if (card.filledFor !== key) fillCard(card, view);
  card.filledFor = key;
  card.dataset.selected = screen.selected === order.id;
  card.dataset.ringing = screen.bell.ringing.has(order.id);
  put(card.querySelector(".card-key"), index < 9 ? String(index + 1) : "");
  return card;
}

// Cards differ much in height. Rows of a few pixels, of which each card spans as many as it needs, let the next card
// start right below the shortest column: the oldest stay on top and no space is lost.
const heights = new ResizeObserver((entries) => {
  for (const { target } of entries) target.style.gridRowEnd = `span ${Math.ceil(target.offsetHeight / ROW) + GAP_ROWS}`;
});

function watched(card) {
  heights.observe(card);
  return card;
}

/**
 * A card that has just got another button, or has moved under a finger, takes no tap for a moment: the second half of a
 * double tap on "Accept" mustn't be "All done", and a card that slides away mustn't give its tap to its neighbour.
 */
function settle(card) {
  if (card.place === undefined) return;
  card.dataset.settling = "true";
  clearTimeout(card.settled);
  card.settled = setTimeout(() => (card.dataset.settling = "false"), SETTLE);
}

function emptyNote() {
  const { say, loaded } = screen;
  const words = loaded ? [h("strong", {}, say("kitchen.empty")), h("span", {}, say("kitchen.emptyText"))] : [h("span", {}, say("kitchen.loading"))];
  return h("p", { class: "empty" }, words);
}

function renderPanels(orders) {
  const { say, panel } = screen;
  for (const [id, action] of [["all-day", "all-day"], ["recall", "recall-list"]]) {
    $(id).hidden = panel !== id;
    document.querySelector(`#bar [data-action="${action}"]`).setAttribute("aria-expanded", String(panel === id));
  }
  const { station } = screen;
  const pending = (id) => screen.commands.pending(id);
  const open = orders.filter((order) => !screen.stopped.has(order.id));
  const ready = panel === "recall" ? recallable() : [];
  const seen = (list) => [say.lang, list.map((order) => [order.id, order.version, pending(order.id)])];
  if (panel === "all-day") paint($("all-day"), seen(open), () => allDayPanel(open, station, say));
  if (panel === "recall") paint($("recall"), seen(ready), () => recallPanel(ready, { station, say, pending }));
}

/** What the recall list offers, the latest first. */
export function recallable() {
  return screen.ended.list(screen.client.orders).filter((order) => recallStep(order, screen.station) || order.status === "out_for_delivery");
}

export function tick() {
  const present = now();
  for (const [id, card] of screen.cards) {
    const order = screen.stopped.get(id) ?? screen.client.orders.get(id);
    if (!order) continue;
    put(card.querySelector(".card-timer"), stopwatch(present - waitsSince(order)));
    card.dataset.heat = heat(order, present, screen.limits);
    card.dataset.urgency = urgency(order, present);
    const deadline = card.querySelector(".card-deadline");
    if (deadline) put(deadline, screen.say("kitchen.answerWithin", { time: stopwatch(answerBy(order) - present) }));
  }
  screen.bell.hurry([...screen.cards.values()].some((card) => card.dataset.urgency === "soon"));
  showConnection(screen.client, screen.say);
  showClock(screen.say);
  $("sound-gate").hidden = screen.bell.unlocked;
  showMore();
}

/** Cards below the edge of the screen don't cook themselves: say that they are there. */
export function showMore() {
  const edge = innerHeight - 80;
  const hidden = [...screen.cards.values()].filter((card) => card.getBoundingClientRect().top > edge).length;
  $("more").hidden = hidden === 0;
  put($("more"), screen.say("kitchen.more", { n: hidden }));
}

/** Draws the eye to a card that somebody else has changed. */
export function flash(orderId) {
  const card = screen.cards.get(orderId);
  if (!card) return;
  card.classList.remove("flash");
  // The animation starts again only if the browser has seen the card without the class.
  requestAnimationFrame(() => requestAnimationFrame(() => card.classList.add("flash")));
}
