// What every part of the kitchen screen shares: the choices in the address, the language, and what is on the screen.

import { Bell } from "./kitchen-sound.js";
import { isShown } from "./kitchen-state.js";
import { pickLanguage, remembered, speaker } from "./words.js";

export const LANGUAGE_KEY = "orderwire.kitchen.language";
export const $ = (id) => document.getElementById(id);
export const query = new URLSearchParams(location.search);

export const screen = {
  storeId: null,
  station: query.get("station"),
  limits: { warn: Number(query.get("warn")) || 5, late: Number(query.get("late")) || 8 },
  say: speaker(pickLanguage(query.get("lang"), remembered(LANGUAGE_KEY), navigator.language)),
  bell: new Bell(),
  api: null,
  client: null,
  commands: null,
  ended: null,
  store: null,
  stats: null,
  selected: null,
  panel: null,
  loaded: false,
  cards: new Map(),
  /** Called-off orders that nobody has acknowledged yet, by id. */
  stopped: new Map(),
  /** Orders somebody has looked at: they ring no more. */
  touched: new Set(),
};

/** The orders on the screen, oldest first, so that each keeps its place and a recalled one gets its old one back. */
export function shownOrders() {
  const open = [...screen.client.orders.values()].filter((order) => isShown(order, screen.station));
  const ids = new Set(open.map((order) => order.id));
  const all = [...open, ...[...screen.stopped.values()].filter((order) => !ids.has(order.id))];
  return all.sort((a, b) => Date.parse(a.placedAt) - Date.parse(b.placedAt) || a.id.localeCompare(b.id));
}

export function orderById(id) {
  return screen.client.orders.get(id) ?? screen.stopped.get(id) ?? screen.ended.get(id);
}

export function touch(orderId) {
  screen.touched.add(orderId);
  screen.bell.hush(orderId);
}
