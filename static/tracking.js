// The customer's page: follows the one order of a tracking link and keeps the page true to it.

import { now, learn } from "./clock.js";
import { clockTime } from "./format.js";
import { LiveClient } from "./live.js";
import { claims } from "./token.js";
import { isOver, showOrder, tickEta } from "./tracking-view.js";
import { pickLanguage, remember, remembered, setLanguage, speaker } from "./words.js";
import { put } from "./dom.js";

const LANGUAGE_KEY = "orderwire.language";
/** How often to ask over plain HTTP while the socket doesn't come through (some networks block sockets). */
const POLL = 20_000;

const $ = (id) => document.getElementById(id);
const token = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop() ?? "");
const orderId = claims(token)?.order ?? null;
const chosen = new URLSearchParams(location.search).get("lang") ?? remembered(LANGUAGE_KEY);

let say = speaker(pickLanguage(chosen, navigator.language));
let store = null;
let order = null;
let polledAt = null;
let picked = Boolean(chosen);

const client = new LiveClient({ channel: "web", token, auto: true, probe });

async function get(path) {
  const response = await fetch(path, {
    headers: { authorization: `Bearer ${token}` },
    cache: "no-store",
    signal: AbortSignal.timeout(10_000),
  });
  learn(response);
  return response;
}

/** Reads the order the plain way: tells a dead link from a dead line, and is the fallback when sockets are blocked. */
async function probe() {
  // A link that lost its end on the way: no line will mend it.
  if (!orderId) return "refused";
  const response = await get(`/v1/orders/${encodeURIComponent(orderId)}`);
  if ([401, 404].includes(response.status)) return "refused";
  if (!response.ok) return "unreachable";
  const body = await response.json();
  polledAt = Date.now();
  client.offer(body.order ?? body);
  showConnection();
  return "ok";
}

/** The store's name is a kindness: the page works without. */
async function loadStore(id) {
  const response = await get(`/v1/stores/${encodeURIComponent(id)}`).catch(() => null);
  if (!response?.ok) return;
  store = await response.json();
  show();
}

function take(newer) {
  const first = order === null;
  order = newer;
  if (!picked && order.customer?.language) say = speaker(pickLanguage(order.customer.language));
  picked = true;
  if (first && order.storeId) loadStore(order.storeId);
  show();
}

function show() {
  setLanguage(say.lang);
  const page = order ? "order" : client.halted ? "gone" : "loading";
  $("page").dataset.page = page;
  $("page").setAttribute("aria-busy", String(page === "loading"));
  $("skeleton").hidden = page !== "loading";
  $("gone").hidden = page !== "gone";
  $("order").hidden = page !== "order";
  showFrame(page);
  showConnection();
  if (order) showOrder(order, say);
}

function showFrame(page) {
  const other = say.lang === "ar" ? "en" : "ar";
  put($("store-name"), store?.name?.[say.lang] ?? store?.name?.en ?? say("track.title"));
  put($("language"), say("lang.other"));
  $("language").lang = other;
  put($("gone-title"), say("track.goneTitle"));
  put($("gone-text"), say("track.goneText"));
  if (page === "loading") document.title = say("track.loading");
  if (page === "gone") document.title = say("track.goneTitle");
}

function showConnection() {
  const { state, halted } = client;
  // A finished order changes no more: a lost line is nothing to worry anybody with.
  const quiet = order && isOver(order);
  $("connection").dataset.state = state;
  $("connection").hidden = Boolean(halted) && !order;
  put($("connection-text"), say(halted ? "live.halted" : `live.${state}`));
  const text = quiet && !halted ? "" : staleText(state, halted);
  $("stale").hidden = !text;
  put($("stale"), text);
}

function staleText(state, halted) {
  if (!order) return "";
  if (halted) return say("track.ended");
  if (state === "behind") return say("live.staleBehind", { time: clockTime(client.asOf, say.lang) });
  if (state !== "offline") return "";
  if (polledAt && Date.now() - polledAt < 2 * POLL) return say("live.polling");
  return client.asOf ? say("live.staleOffline", { time: clockTime(client.asOf, say.lang) }) : "";
}

client.addEventListener("state", show);
client.addEventListener("snapshot", ({ detail }) => detail.orders[0] && take(detail.orders[0]));
client.addEventListener("order", ({ detail }) => take(detail.order));

$("language").addEventListener("click", () => {
  say = speaker(say.lang === "ar" ? "en" : "ar");
  picked = true;
  remember(LANGUAGE_KEY, say.lang);
  show();
});

setInterval(() => {
  if (order) tickEta(order, say, now());
}, 5000);

setInterval(() => {
  showConnection();
  if (client.state === "offline" && !client.halted) probe().catch(() => {});
}, POLL);

show();
client.start();
// Only for the clock: the minutes left must be right on a phone whose clock is not.
get("/healthz").catch(() => {});
