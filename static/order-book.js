// The last known state of every order a page follows, and which topic brought it.

/** Whether an order belongs to a topic. Event frames don't name theirs. */
function belongs(topic, orderId, storeId) {
  const [kind, id] = topic.split(/:(.*)/s);
  if (kind === "order") return id === orderId;
  if (kind === "store") return id === storeId;
  return true;
}

export class OrderBook {
  orders = new Map();
  members = new Map();
  /** The event of each topic that was found lacking last. */
  #lacking = new Map();

  get(orderId) {
    return this.orders.get(orderId);
  }

  /** The version up to which a topic of one order is known; null for other topics, which can't resume. */
  versionOf(topic) {
    return topic.startsWith("order:") ? (this.orders.get(topic.slice(6))?.version ?? null) : null;
  }

  /** A snapshot is the whole truth about its topic: what it doesn't name is gone. Returns the orders that left. */
  replace(topic, list) {
    const ids = new Set(list.map((order) => order.id));
    const before = this.members.get(topic) ?? new Set();
    this.members.set(topic, ids);
    const kept = (id) => [...this.members.values()].some((members) => members.has(id));
    const gone = [...before].filter((id) => !kept(id)).map((id) => this.orders.get(id)).filter(Boolean);
    for (const order of gone) this.orders.delete(order.id);
    for (const order of list) this.orders.set(order.id, order);
    return gone;
  }

  /** Takes a state if it is newer. Returns `{ previous }` if it was taken, else null. */
  take(order, storeId, topics) {
    const previous = this.orders.get(order.id) ?? null;
    if (previous && order.version <= previous.version) return null;
    this.orders.set(order.id, order);
    for (const topic of topics) {
      if (!belongs(topic, order.id, order.storeId ?? storeId)) continue;
      if (!this.members.has(topic)) this.members.set(topic, new Set());
      this.members.get(topic).add(order.id);
    }
    return { previous };
  }

  /** Whether the newest event of a topic has not come. Said once: an order that has gone from a list may be unknown for good. */
  lacks({ topic, orderId, version }) {
    const known = this.orders.get(orderId)?.version ?? 0;
    const newest = `${orderId}@${version}`;
    if (!this.members.has(topic) || version <= known || this.#lacking.get(topic) === newest) return false;
    this.#lacking.set(topic, newest);
    return true;
  }

  forget(orderId) {
    this.orders.delete(orderId);
    for (const ids of this.members.values()) ids.delete(orderId);
  }
}
