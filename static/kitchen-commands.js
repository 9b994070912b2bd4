// The taps of the kitchen on their way to the server: sent one after the other, kept through a lost line and a reload.

import { isSatisfied, markOf, requestOf, stillStands } from "./kitchen-state.js";
import { slim } from "./kitchen-api.js";

const RETRY = 5_000;
/** How often a command may meet a newer version of its order before it gives up. */
const TRIES = 4;

/**
 * Events: `change` (the queue is different), `failed` { command, why, order, message } (a tap was not carried out),
 * `token` (the server wants another token; the queue waits).
 */
export class Commands extends EventTarget {
  constructor(api, client, storeId) {
    super();
    Object.assign(this, { api, client, key: `orderwire.kitchen.queue.${storeId}` });
    this.queue = this.#load();
    this.running = false;
    this.stuck = false;
  }

  /** Puts a step of an order into the queue. The same button twice is one command. */
  add(order, step) {
    const key = [order.id, step.kind, ...(step.stations ?? [])].join(" ");
    if (this.queue.some((command) => command.key === key)) return;
    const { id, number, version, status } = order;
    this.queue.push({ key, orderId: id, number, version, status, step, mark: markOf(order, step) });
    this.#changed();
    this.run();
  }

  /** The steps of one order that are not confirmed yet. */
  pending(orderId) {
    return this.queue.filter((command) => command.orderId === orderId).map(({ step }) => step);
  }

  async run() {
    if (this.running) return;
    clearTimeout(this.retry);
    this.running = true;
    let wait = 0;
    while (this.queue.length > 0 && wait === 0) wait = await this.#next();
    this.running = false;
    this.stuck = wait > 0;
    this.dispatchEvent(new Event("change"));
    if (wait > 0 && wait !== Infinity) this.retry = setTimeout(() => this.run(), wait);
  }

  /** Sends the first command. Returns how long to wait: 0 when it is through, Infinity for a new token. */
  async #next() {
    const command = this.queue[0];
    const wait = await this.#attempt(command).catch(() => RETRY);
    if (wait === 0) this.queue.shift();
    this.#changed();
    return wait;
  }

  async #attempt(command, tries = TRIES) {
    const known = this.client.orders.get(command.orderId);
    if (known && isSatisfied(known, command.step)) return 0;
    const { method, path, body } = requestOf(command, known);
    // The version is a promise that the cook saw what is being changed. A newer one may stand in for the one on the
    // screen if all that this tap was about is unchanged: another station's tap raises the version too.
    const version = known && stillStands(known, command) ? known.version : command.version;
    const answer = await this.api.call(method, path, { body, version: method === "PATCH" ? version : null });
    if (answer.status < 300) return this.#confirmed(command, answer.body);
    if (answer.status === 401) return this.#wantToken();
    if (answer.status === 429 || answer.status >= 500) return Math.max(RETRY, answer.retryAfter * 1000);
    return this.#refused(command, answer, tries);
  }

  /** The answer is the server's word. If it carried no order, ask for it, so that the button doesn't wait for long. */
  async #confirmed(command, body) {
    const order = body?.order ?? body;
    if (order?.version) this.client.offer(slim(order));
    else await this.#refetch(command.orderId).catch(() => {});
    return 0;
  }

  async #refused(command, { status, body }, tries) {
    const order = await this.#refetch(command.orderId);
    if (order && isSatisfied(order, command.step)) return 0;
    const stands = order && stillStands(order, command);
    if (status === 412 && stands && tries > 0) return this.#attempt(command, tries - 1);
    const otherwise = order && order.status !== command.status ? "moved" : "changed";
    const why = { 403: "forbidden", 404: "gone", 409: stands ? "other" : otherwise, 412: otherwise }[status] ?? "other";
    this.dispatchEvent(new CustomEvent("failed", { detail: { command, why, order, message: body?.error?.message ?? status } }));
    return 0;
  }

  async #refetch(orderId) {
    const order = await this.api.order(orderId);
    if (order) this.client.offer(order);
    return order;
  }

  #wantToken() {
    this.dispatchEvent(new Event("token"));
    return Infinity;
  }

  #changed() {
    sessionStorage.setItem(this.key, JSON.stringify(this.queue));
    this.dispatchEvent(new Event("change"));
  }

  #load() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key)) ?? [];
    } catch {
      return [];
    }
  }
}
