// The live client: one WebSocket, the last state of every order it follows, and how far that state can be trusted.
//
// Events it dispatches (all CustomEvents):
//   state     { state, halted }          connecting | live | behind | offline; halted says why it gave up, or null
//   snapshot  { topic, orders, gone }    a topic's state was replaced; `gone` are the orders that are no longer in it
//   order     { order, previous, event } one order is newer; `event` is null when it came by `offer`
//   problem   { topic, error }           the server refused a frame

import { OrderBook } from "./order-book.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** A socket that lived this long proves that the way is free: the next delay starts small again. */
const STEADY = 5_000;
/** No `hello` after this long: try another socket. */
const HELLO_WITHIN = 10_000;
/** A short gap isn't worth alarming anybody. */
const GRACE = 2_500;
/** How long a doubted socket has to answer a ping. */
const ECHO_WITHIN = 4_000;
/** Codes after which to come back at once. */
const AT_ONCE = new Set([4010, 4012]);
/** Refusals of a topic which no waiting will change. */
const FINAL = new Set(["FORBIDDEN", "NOT_FOUND", "INVALID_INPUT"]);
const ASK_AGAIN = 10_000;
const AUTO = "(auto)";

/** Exponential delay; the random share is taken after the cap, or all screens would come back together at 30 s. */
export function backoff(attempt, random = Math.random) {
  const capped = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 16));
  return Math.round(capped * (0.25 + 0.75 * random()));
}

export class LiveClient extends EventTarget {
  /**
   * channel, token: as in the protocol. topics: what to subscribe to. auto: the token brings its own subscription.
   * getToken(): async, a fresh token or
   * null, throws when the line failed. probe(): async, "ok" | "refused" | "unreachable"; browsers hide why an
   * upgrade was refused, so this is how a bad token is told from a bad line. pingAfter: seconds of silence after which
   * to ask; 0 leaves it to the server.
   */
  constructor({ channel, token, topics = [], auto = false, getToken = null, probe = null, pingAfter = 0 }) {
    super();
    Object.assign(this, { channel, token, auto, getToken, probe, pingAfter });
    this.topics = new Set(topics);
    this.book = new OrderBook();
    this.state = "connecting";
    this.halted = null;
    this.lastFrameAt = null;
    this.behindSince = null;
    this.pingEvery = 25;
    this.attempt = 0;
    this.failures = 0;
    this.frameId = 0;
    this.asked = new Map();
    this.waiting = new Set();
    this.wasLive = false;
    this.lostAt = Date.now();
  }

  // --- for the page ---

  start() {
    this.stopListening = new AbortController();
    const { signal } = this.stopListening;
    addEventListener("online", () => this.#doubt(), { signal });
    addEventListener("offline", () => this.#doubt(), { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#doubt(), { signal });
    this.ticker = setInterval(() => this.#tick(), 1000);
    this.#open();
    return this;
  }

  stop() {
    this.stopListening?.abort();
    clearInterval(this.ticker);
    clearTimeout(this.retry);
    this.#drop(1000);
  }

  subscribe(topic) {
    this.topics.add(topic);
    if (this.greeted) this.#ask(topic);
  }

  unsubscribe(topic) {
    this.topics.delete(topic);
    this.book.replace(topic, []);
    this.book.members.delete(topic);
    this.waiting.delete(topic);
    if (this.greeted) this.#send({ type: "unsubscribe", topic });
  }

  /** State that came another way (an answer of the REST interface). Taken only if it is newer. */
  offer(order) {
    this.#keep(order, null);
  }

  /** All orders known now, by id. */
  get orders() {
    return this.book.orders;
  }

  /** A new token from outside: takes effect now, and ends a halt. */
  useToken(token) {
    this.token = token;
    if (this.greeted) return void this.#send({ type: "auth", token });
    this.halted = null;
    this.attempt = 0;
    this.#open();
  }

  /** The moment up to which the state shown is known to be right; null before the first frame. */
  get asOf() {
    if (this.behindSince === null) return this.lastFrameAt;
    return Math.min(this.behindSince, this.lastFrameAt ?? Infinity);
  }

  // --- the socket ---

  #open() {
    clearTimeout(this.retry);
    this.retry = null;
    this.#drop(1000);
    const query = new URLSearchParams({ channel: this.channel, token: this.token });
    const url = new URL(`/v1/live?${query}`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    this.openedAt = Date.now();
    socket.onmessage = (message) => socket === this.socket && this.#receive(message.data);
    socket.onclose = (close) => socket === this.socket && this.#lost(close.code);
    this.#settle();
  }

  /** Leaves the present socket without waiting for it: on a dead line its `close` event can take minutes. */
  #drop(code) {
    const socket = this.socket;
    this.socket = null;
    this.greeted = false;
    this.waiting.clear();
    this.asked.clear();
    this.echoBy = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    if (socket.readyState <= WebSocket.OPEN) socket.close(code);
  }

  async #lost(code) {
    const heard = this.greeted;
    const steady = heard && Date.now() - this.openedAt > STEADY;
    const planned = this.plannedAt;
    this.plannedAt = null;
    this.#drop(4000);
    this.attempt = steady ? 0 : this.attempt + 1;
    if (this.wasLive) this.lostAt = Date.now();
    this.wasLive = false;
    if (!heard) this.failures += 1;
    this.#settle();
    if (code >= 4500 && code <= 4999) return this.#halt(`closed:${code}`);
    if (code === 4010) this.fromScratch = true;
    if (code === 4005) return this.#comeBackWithFreshToken();
    this.#schedule(this.#delay(code, planned, steady));
    if (!heard) await this.#askWhy();
  }

  #delay(code, planned, steady) {
    if (planned) return Math.max(0, planned - Date.now());
    // "At once" again and again would be a storm: only a socket that had worked earns it.
    if (AT_ONCE.has(code) && steady) return 0;
    return backoff(Math.max(0, this.attempt - 1));
  }

  #schedule(delay) {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.#open(), delay);
  }

  async #comeBackWithFreshToken() {
    const token = await this.#freshToken();
    if (token === null) return this.#halt("expired");
    if (token === undefined) return void setTimeout(() => this.#comeBackWithFreshToken(), backoff(this.attempt++));
    this.#schedule(this.attempt > 1 ? backoff(this.attempt) : 0);
  }

  /** The upgrade failed. If the token is why, trying again is useless. */
  async #askWhy() {
    const answer = await this.probe?.().catch(() => "unreachable");
    if (answer === "refused" && !this.greeted) this.#halt("refused");
  }

  #halt(reason) {
    clearTimeout(this.retry);
    this.retry = null;
    this.#drop(1000);
    this.halted = reason;
    this.#settle(true);
  }

  /** Something made the line doubtful: use a waiting retry now, or make the socket prove that it lives. */
  #doubt() {
    if (this.halted) return;
    if (!this.socket) return void this.#open();
    if (!this.greeted) return;
    if (Date.now() - this.lastFrameAt > (this.pingEvery + 5) * 1000) return void this.#lost(4012);
    this.#send({ type: "ping" });
    this.echoBy = Date.now() + ECHO_WITHIN;
  }

  #tick() {
    const now = Date.now();
    const silence = now - (this.lastFrameAt ?? now);
    if (this.socket && !this.greeted && now - this.openedAt > HELLO_WITHIN) return void this.#lost(1006);
    if (this.plannedAt && now > this.plannedAt) return void this.#lost(4001);
    if (this.greeted && silence > (2 * this.pingEvery + 5) * 1000) return void this.#lost(4012);
    if (this.echoBy && now > this.echoBy) return void this.#lost(4012);
    if (this.greeted && this.pingAfter && silence > this.pingAfter * 1000 && !this.echoBy) this.#doubt();
    this.#settle();
  }

  // --- frames ---

  #send(frame) {
    const id = ++this.frameId;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ id, ...frame }));
    return id;
  }

  /** Subscribes. Only single orders can resume; for the others the server sends a snapshot anyway. */
  #ask(topic) {
    const after = this.fromScratch ? null : this.book.versionOf(topic);
    this.waiting.add(topic);
    this.asked.set(this.#send({ type: "subscribe", topic, ...(after !== null && { after }) }), topic);
  }

  /** A refusal that may pass (a full server, a topic too many) mustn't leave a screen without its topic for good. */
  #askLater(topic) {
    const socket = this.socket;
    setTimeout(() => socket === this.socket && this.greeted && this.topics.has(topic) && this.#ask(topic), ASK_AGAIN);
  }

  #receive(text) {
    this.lastFrameAt = Date.now();
    this.echoBy = null;
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    // A type that isn't known here belongs to a newer server: it must not break an older page.
    this.#handlers[frame.type]?.(frame);
    this.#settle();
  }

  #handlers = {
    hello: (frame) => {
      this.greeted = true;
      this.failures = 0;
      this.pingEvery = frame.pingEvery ?? 25;
      this.behindSince = null;
      if (this.auto) this.waiting.add(AUTO);
      for (const topic of this.topics) this.#ask(topic);
      this.fromScratch = false;
    },
    subscribed: (frame) => {
      this.asked.delete(frame.id);
      this.waiting.delete(frame.topic);
      this.waiting.delete(AUTO);
      if (!frame.snapshot) return;
      const orders = frame.snapshot.orders ?? [frame.snapshot.order];
      this.#emit("snapshot", { topic: frame.topic, orders, gone: this.book.replace(frame.topic, orders) });
    },
    event: ({ event }) => {
      const { order, orderId, orderVersion } = event.data;
      this.#keep({ ...order, id: orderId, version: orderVersion }, event);
    },
    behind: (frame) => {
      this.behindSince = Math.min(Date.parse(frame.since) || Date.now(), Date.now());
    },
    caught_up: () => {
      this.behindSince = null;
    },
    expiring: () => this.#refresh(),
    reconnect: (frame) => {
      this.plannedAt = Date.now() + frame.afterMs;
    },
    error: (frame) => {
      const topic = this.asked.get(frame.id) ?? null;
      this.asked.delete(frame.id);
      this.#emit("problem", { topic, error: frame.error });
      if (topic && !FINAL.has(frame.error.code)) this.#askLater(topic);
    },
  };

  // --- the token ---

  /** A fresh token; null if there is none to have; undefined if the line failed and it is worth asking again. */
  async #freshToken() {
    try {
      const token = (await this.getToken?.()) ?? null;
      if (token) this.token = token;
      return token;
    } catch {
      return undefined;
    }
  }

  async #refresh() {
    const socket = this.socket;
    const token = await this.#freshToken();
    if (socket !== this.socket) return;
    if (token) this.#send({ type: "auth", token });
    if (token === undefined) setTimeout(() => socket === this.socket && this.#refresh(), ASK_AGAIN / 2);
  }

  // --- the state shown ---

  #current() {
    if (this.halted) return "offline";
    if (this.greeted && this.waiting.size === 0) return this.behindSince === null ? "live" : "behind";
    if (this.failures > 0) return "offline";
    return Date.now() - this.lostAt < (this.lastFrameAt ? GRACE : HELLO_WITHIN) ? "connecting" : "offline";
  }

  #settle(always = false) {
    const state = this.#current();
    if (state === "live" || state === "behind") this.wasLive = true;
    if (state === this.state && !always) return;
    this.state = state;
    this.#emit("state", { state, halted: this.halted });
  }

  #keep(order, event) {
    const taken = this.book.take(order, event?.data.storeId, this.topics);
    if (taken) this.#emit("order", { order, previous: taken.previous, event });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
