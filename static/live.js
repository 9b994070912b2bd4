// The live client: one WebSocket, the last state of every order it follows, and how far that state can be trusted.
//
// Events it dispatches (all CustomEvents):
//   state     { state, halted }          connecting | live | behind | offline; halted says why it gave up, or null
//   snapshot  { topic, orders, gone }    a topic's state was replaced; `gone` are the orders that are no longer in it
//   order     { order, previous, event } one order is newer; `event` is null when it came by `offer`
//   problem   { topic, error }           the server refused a frame

import { HELLO_WITHIN, Heartbeat } from "./heartbeat.js";
import { OrderBook } from "./order-book.js";
import { NO_ANSWER, POSITION_LOST, Reconnect, TOKEN_EXPIRED, isFinal } from "./reconnect.js";

/** A short gap isn't worth alarming anybody. */
const GRACE = 2_500;
/** Refusals of a topic which no waiting will change. */
const FINAL = new Set(["FORBIDDEN", "NOT_FOUND", "INVALID_INPUT"]);
const ASK_AGAIN = 10_000;
const AUTO = "(auto)";

export class LiveClient extends EventTarget {
  /**
   * channel, token: as in the protocol. topics: what to subscribe to. auto: the token brings its own subscription.
   * getToken(): async, a fresh token or null, throws when the line failed. probe(): async, "ok" | "refused" |
   * "unreachable"; browsers hide why an upgrade was refused, so this is how a bad token is told from a bad line.
   * pingAfter: seconds of silence after which to ask; 0 leaves it to the server.
   */
  constructor({ channel, token, topics = [], auto = false, getToken = null, probe = null, pingAfter = 0 }) {
    super();
    Object.assign(this, { channel, token, auto, getToken, probe, pingAfter });
    this.topics = new Set(topics);
    this.book = new OrderBook();
    this.heart = new Heartbeat();
    this.comeback = new Reconnect(() => this.#open());
    this.state = "connecting";
    this.halted = null;
    this.behindSince = null;
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
    this.comeback.cancel();
    this.#drop(1000);
  }

  subscribe(topic) {
    this.topics.add(topic);
    if (this.heart.greeted) this.#ask(topic);
  }

  unsubscribe(topic) {
    this.topics.delete(topic);
    this.book.replace(topic, []);
    this.book.members.delete(topic);
    this.waiting.delete(topic);
    if (this.heart.greeted) this.#send({ type: "unsubscribe", topic });
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
    if (this.heart.greeted) return void this.#send({ type: "auth", token });
    this.halted = null;
    this.comeback.forgive();
    this.#open();
  }

  /** The moment up to which the state shown is known to be right; null before the first frame. */
  get asOf() {
    const { lastFrameAt } = this.heart;
    return this.behindSince === null ? lastFrameAt : Math.min(this.behindSince, lastFrameAt ?? Infinity);
  }

  // --- the socket ---

  #open() {
    this.comeback.cancel();
    this.#drop(1000);
    const query = new URLSearchParams({ channel: this.channel, token: this.token });
    const url = new URL(`/v1/live?${query}`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = (message) => socket === this.socket && this.#receive(message.data);
    socket.onclose = (close) => socket === this.socket && this.#lost(close.code);
    this.#settle();
  }

  /** Leaves the present socket without waiting for it: on a dead line its `close` event can take minutes. */
  #drop(code) {
    const socket = this.socket;
    this.socket = null;
    this.heart.reset();
    this.waiting.clear();
    this.asked.clear();
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    if (socket.readyState <= WebSocket.OPEN) socket.close(code);
  }

  async #lost(code) {
    const heard = this.heart.greeted;
    const delay = this.comeback.delayAfter(code, this.heart.lived);
    this.#drop(4000);
    if (this.wasLive) this.lostAt = Date.now();
    this.wasLive = false;
    if (!heard) this.failures += 1;
    this.#settle();
    if (isFinal(code)) return this.#halt(`closed:${code}`);
    if (code === POSITION_LOST) this.fromScratch = true;
    if (code === TOKEN_EXPIRED) return this.#comeBackWithFreshToken(delay);
    this.comeback.after(delay);
    if (!heard) await this.#askWhy();
  }

  async #comeBackWithFreshToken(delay) {
    const token = await this.#freshToken();
    if (token === null) return this.#halt("expired");
    if (token === undefined) return this.comeback.retry(() => this.#comeBackWithFreshToken(delay));
    this.comeback.after(delay);
  }

  /** The upgrade failed. If the token is why, trying again is useless. */
  async #askWhy() {
    const answer = await this.probe?.().catch(() => "unreachable");
    if (answer === "refused" && !this.heart.greeted) this.#halt("refused");
  }

  #halt(reason) {
    this.comeback.cancel();
    this.#drop(1000);
    this.halted = reason;
    this.#settle(true);
  }

  /** Something made the line doubtful: use a waiting retry now, or make the socket prove that it lives. */
  #doubt() {
    if (this.halted) return;
    if (!this.socket) return void this.#open();
    if (!this.heart.greeted) return;
    if (this.heart.missesPing) return void this.#lost(NO_ANSWER);
    this.#send({ type: "ping" });
    this.heart.asked();
  }

  #tick() {
    if (this.socket && (this.heart.isDead || this.comeback.isDue)) return void this.#lost(NO_ANSWER);
    if (this.pingAfter && this.heart.isQuiet(this.pingAfter)) this.#doubt();
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
    setTimeout(() => socket === this.socket && this.heart.greeted && this.topics.has(topic) && this.#ask(topic), ASK_AGAIN);
  }

  #receive(text) {
    this.heart.heard();
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
      this.heart.greet(frame.pingEvery);
      this.failures = 0;
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
      // Not every event is about an order, and a newer server may know types that aren't known here.
      if (order) this.#keep({ ...order, id: orderId, version: orderVersion }, event);
    },
    ping: ({ heads = [] }) => {
      for (const head of heads) if (!this.waiting.has(head.topic) && this.book.lacks(head)) this.#ask(head.topic);
    },
    behind: (frame) => {
      this.behindSince = Math.min(Date.parse(frame.since) || Date.now(), Date.now());
    },
    caught_up: () => void (this.behindSince = null),
    expiring: () => this.#refresh(),
    reconnect: (frame) => this.comeback.plan(frame.afterMs),
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
    if (this.heart.greeted && this.waiting.size === 0) return this.behindSince === null ? "live" : "behind";
    if (this.failures > 0) return "offline";
    return Date.now() - this.lostAt < (this.heart.lastFrameAt ? GRACE : HELLO_WITHIN) ? "connecting" : "offline";
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
