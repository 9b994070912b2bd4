// Taps and keys of the kitchen screen.

import { recallable, render } from "./kitchen-board.js";
import { showStore, showTools } from "./kitchen-header.js";
import { askReason } from "./kitchen-panels.js";
import { $, LANGUAGE_KEY, orderById, screen, shownOrders, touch } from "./kitchen-screen.js";
import { mainStep, recallStep, startStep } from "./kitchen-state.js";
import { remember, setLanguage, speaker } from "./words.js";

const TAPS = {
  accept: (order) => send(order, mainStep(order, screen.station)),
  handover: (order) => send(order, mainStep(order, screen.station)),
  bump: (order) => send(order, mainStep(order, screen.station)),
  start: (order) => send(order, startStep(order, screen.station) ?? mainStep(order, screen.station)),
  "bump-station": (order, button) => send(order, { kind: "bump", stations: [button.dataset.station], partial: true }),
  recall: (order) => send(order, recallStep(order, screen.station)),
  reject: async (order) => {
    const reason = await askReason($("reject"), order, screen.say);
    if (reason) send(order, { kind: "reject", status: "rejected", reason });
  },
  dismiss: (order) => {
    screen.stopped.delete(order.id);
    render();
  },
  "all-day": () => togglePanel("all-day"),
  "recall-list": () => togglePanel("recall"),
  "close-panel": () => togglePanel(null),
  "send-queue": () => screen.commands.run(),
  "unlock-sound": unlockSound,
  "test-sound": unlockSound,
  language: switchLanguage,
};

function send(order, step) {
  if (!step) return;
  touch(order.id);
  screen.commands.add(order, step);
}

async function unlockSound() {
  await screen.bell.allow();
  screen.bell.ring();
  $("sound-gate").hidden = screen.bell.unlocked;
}

function togglePanel(panel) {
  screen.panel = screen.panel === panel ? null : panel;
  render();
}

function switchLanguage() {
  screen.say = speaker(screen.say.lang === "ar" ? "en" : "ar");
  remember(LANGUAGE_KEY, screen.say.lang);
  setLanguage(screen.say.lang);
  showTools(screen.say);
  showStore(screen.store, screen.stats, screen.station, screen.say);
  render();
}

export function listenToTaps() {
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
}

function onClick(event) {
  if (!screen.client) return;
  const button = event.target.closest("[data-action]");
  const card = event.target.closest("[data-order]");
  const order = card && orderById(card.dataset.order);
  // Whoever overlooks the gate but works on the screen has touched it all the same.
  if (!screen.bell.unlocked) screen.bell.allow();
  if (order) touch(order.id);
  if (card?.matches(".card")) select(card.dataset.order);
  // A card's action without its order would be a tap on something that has just gone.
  if (button && (order || !card)) TAPS[button.dataset.action]?.(order, button);
}

function select(orderId) {
  screen.selected = orderId;
  render();
}

function onKey(event) {
  const typing = event.target.closest("input, textarea, dialog");
  if (!screen.client || typing || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const wanted = /^[1-9]$/.test(event.key) ? shownOrders()[event.key - 1] : null;
  if (wanted) {
    touch(wanted.id);
    return select(wanted.id);
  }
  if (event.key === "Enter" && !event.target.closest("button")) return bumpSelected();
  if (event.key.toLowerCase() === "r") recallLast();
}

function bumpSelected() {
  const order = orderById(screen.selected);
  const card = screen.cards.get(screen.selected);
  if (!order || !card || card.dataset.settling === "true") return;
  if (screen.stopped.has(order.id)) return TAPS.dismiss(order);
  if (!card.querySelector(".step-main")?.disabled) send(order, mainStep(order, screen.station));
}

/** The last one that a cook has let go. A cancelled order is brought back by its own button only. */
function recallLast() {
  const byHand = (order) => !["cancelled", "failed", "delivered"].includes(order.status);
  const order = recallable().find((candidate) => byHand(candidate) && recallStep(candidate, screen.station));
  if (order) send(order, recallStep(order, screen.station));
}

