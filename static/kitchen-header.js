// The bar on top of the kitchen screen: how fresh the data is, what is open, today's numbers, the clock.

import { now } from "./clock.js";
import { h, icon, paint, put } from "./dom.js";
import { age, clockTime, named, stopwatch } from "./format.js";

const $ = (id) => document.getElementById(id);
const TOOLS = { "all-day": ["list", "kitchen.allDay"], "recall-list": ["undo", "kitchen.recall"], "test-sound": ["sound", null], language: [null, "lang.other"] };

/** Words that change with the language only. */
export function showTools(say) {
  for (const [action, [image, word]] of Object.entries(TOOLS)) {
    const button = document.querySelector(`#bar [data-action="${action}"]`);
    paint(button, say.lang, () => [image && icon(image), word && h("span", {}, say(word))]);
    button.setAttribute("aria-label", word ? say(word) : say("kitchen.test"));
  }
  paint($("sound-gate"), say.lang, () => [icon("bell"), h("span", {}, say("kitchen.soundOff"))]);
  document.title = say("kitchen.title");
}

export function showStore(store, stats, station, say) {
  put($("store-name"), store ? named(store.name, say.lang) : say("kitchen.title"));
  $("station-name").hidden = !station;
  if (station) put($("station-name"), say.named("station", station));
  $("stats").hidden = !stats;
  if (stats) paint($("stats"), [stats, say.lang], () => statRows(stats, say));
}

function statRows(stats, say) {
  const time = (seconds) => (seconds === null || seconds === undefined ? "–" : stopwatch(seconds * 1000));
  const row = (key, value) => h("div", { "data-stat": key }, h("dt", {}, say(`kitchen.stats.${key}`)), h("dd", {}, value));
  return [row("orders", stats.orders), row("accept", time(stats.medianSecondsToAccept)), row("ready", time(stats.medianSecondsToReady))];
}

/** How many orders are new, being made, ready. */
export function showTallies(orders, say) {
  const counts = { new: ["placed"], cooking: ["accepted", "preparing"], ready: ["ready"] };
  const rows = Object.entries(counts).map(([key, states]) => [key, orders.filter(({ status }) => states.includes(status)).length]);
  paint($("tallies"), [rows, say.lang], () => rows.map(([key, count]) =>
    h("li", { "data-tally": key, "data-count": count }, h("b", {}, count), h("span", {}, say(`kitchen.${key}`)))));
}

export function showQueue(commands, client, say) {
  // A tap that goes through at once is no queue: only what meets a problem is counted for the eye.
  const count = commands.stuck || client.state === "offline" ? commands.queue.length : 0;
  $("queue").hidden = count === 0;
  $("queue").dataset.count = commands.queue.length;
  paint($("queue"), [count, say.lang], () => [icon("wait"), h("span", {}, say("kitchen.queue", { n: count }))]);
}

/** Runs every second: the age of the data must be seen to grow. */
export function showConnection(client, say) {
  const { state, asOf } = client;
  const old = asOf === null ? null : age(Date.now() - asOf, say.lang);
  $("connection").dataset.state = state;
  put($("connection-text"), say(client.halted ? "live.halted" : `live.${state}`));
  put($("data-age"), old ?? "");
  const stale = state === "behind" || state === "offline";
  $("stale").hidden = !stale;
  $("stale").dataset.state = stale ? state : "";
  document.documentElement.dataset.stale = stale;
  if (!stale) return;
  const word = state === "behind" ? "kitchen.staleBehind" : "kitchen.staleOffline";
  const how = old === null ? say("kitchen.noData") : say("kitchen.dataAge", { age: old });
  // Only the words are announced: an alert that ticks would never let a screen reader rest.
  put($("stale-text"), say(word));
  put($("stale-age"), `· ${how}`);
}

export function showClock(say) {
  put($("clock"), clockTime(now(), say.lang));
}
