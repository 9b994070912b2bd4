// The kitchen screen: follows the open orders of one store and carries the cooks' taps to the server.

import { Api, keepToken, storeOf, takeToken } from "./kitchen-api.js";
import { flash, render, showMore, tick } from "./kitchen-board.js";
import { Commands } from "./kitchen-commands.js";
import { Ended } from "./kitchen-ended.js";
import { showStore, showTools } from "./kitchen-header.js";
import { $, query, screen } from "./kitchen-screen.js";
import { stayAwake } from "./kitchen-sound.js";
import { isShown, wasStopped } from "./kitchen-state.js";
import { listenToTaps } from "./kitchen-taps.js";
import { LiveClient } from "./live.js";
import { askToken } from "./login.js";
import { message } from "./toast.js";
import { setLanguage } from "./words.js";

// --- start ---

async function start() {
  setLanguage(screen.say.lang);
  showTools(screen.say);
  showStore(null, null, screen.station, screen.say);
  let token = takeToken();
  screen.storeId = storeOf(token);
  if (!token || !screen.storeId) {
    const given = await logIn("login.text", !query.get("store"));
    keepToken((token = given.token));
    screen.storeId = storeOf(token) ?? given.store;
  }
  connect(token);
}

function logIn(text, wantsStore) {
  const { say } = screen;
  return askToken($("login"), { say, title: say("login.title"), text: say(text), wantsStore });
}

function connect(token) {
  screen.api = new Api(token);
  screen.client = new LiveClient({
    channel: "kitchen", token, topics: [`store:${screen.storeId}`], pingAfter: 5,
    getToken: () => screen.api.renew(), probe,
  });
  screen.commands = new Commands(screen.api, screen.client, screen.storeId);
  screen.ended = new Ended(screen.storeId);
  listen();
  screen.client.start();
  loadStore();
  setInterval(loadStats, 60_000);
  setInterval(tick, 1000);
  stayAwake();
  tick();
}

/** Asked when a socket was refused: is it the token? */
async function probe() {
  const { status } = await screen.api.call("GET", `/v1/stores/${encodeURIComponent(screen.storeId)}`);
  return status === 401 ? "refused" : "ok";
}

async function loadStore() {
  const answer = await screen.api.call("GET", `/v1/stores/${encodeURIComponent(screen.storeId)}`).catch(() => null);
  if (answer?.status === 200) screen.store = answer.body;
  if (!answer) setTimeout(loadStore, 15_000);
  await loadStats();
}

/** Numbers are a kindness: a token that may not see them gets a screen without. */
async function loadStats() {
  const answer = await screen.api.call("GET", `/v1/stores/${encodeURIComponent(screen.storeId)}/stats`).catch(() => null);
  if (answer) screen.stats = answer.status === 200 ? answer.body : null;
  showStore(screen.store, screen.stats, screen.station, screen.say);
}

async function wantToken() {
  const given = await logIn("login.ended", !screen.storeId);
  keepToken(given.token);
  screen.api.token = given.token;
  screen.client.useToken(given.token);
  screen.commands.run();
  loadStore();
}

// --- what comes in ---

function listen() {
  screen.client.addEventListener("state", ({ detail }) => {
    if (detail.halted) wantToken();
    if (detail.state === "live") screen.commands.run();
    render();
  });
  screen.client.addEventListener("snapshot", ({ detail }) => {
    screen.loaded = true;
    for (const order of detail.orders) noticeNew(null, order);
    for (const order of detail.gone) lookAfter(order);
    render();
  });
  screen.client.addEventListener("order", ({ detail }) => {
    notice(detail.previous, detail.order);
    render();
  });
  screen.client.addEventListener("problem", ({ detail }) => detail.topic && message($("messages"), screen.say("fail.topic", { store: screen.storeId })));
  screen.commands.addEventListener("change", render);
  screen.commands.addEventListener("token", wantToken);
  screen.commands.addEventListener("failed", ({ detail }) => tellFailure(detail));
}

function notice(previous, order) {
  noticeNew(previous, order);
  if (wasStopped(previous, order) && isShown(previous, screen.station)) screen.stopped.set(order.id, order);
  if (!wasStopped(previous, order) && isShown(order, screen.station)) screen.stopped.delete(order.id);
  screen.ended.note(order);
  // Our own tap needs no flash: the cook has just looked at it.
  const own = screen.commands.pending(order.id).length > 0;
  if (previous && !own && isShown(order, screen.station)) flash(order.id);
}

function noticeNew(previous, order) {
  const waits = order.status === "placed" && isShown(order, screen.station) && !screen.touched.has(order.id);
  if (!waits) screen.bell.hush(order.id);
  else if (!screen.bell.ringing.has(order.id)) screen.bell.start(order.id);
}

/** It left while the line was down. If it was called off, the cook must hear of it. */
async function lookAfter(before) {
  screen.bell.hush(before.id);
  const order = await screen.api.order(before.id).catch(() => null);
  if (!order) return;
  screen.ended.note(order);
  if (wasStopped(before, order)) screen.stopped.set(order.id, order);
  render();
}

function tellFailure({ command, why, order, message: text }) {
  const { say } = screen;
  const status = order ? say(`status.${order.status}`) : "";
  message($("messages"), say(`fail.${why}`, { number: command.number, status, message: text }));
}

addEventListener("scroll", showMore, { passive: true });
listenToTaps();
start();
