// Orders that left the screen in this session, so that one which left by mistake can be brought back.

const KEPT = 30;
/** Longer ago than this, nobody means "the last one". */
const MINUTES = 60;
const LEFT = new Set(["ready", "out_for_delivery", "delivered", "picked_up", "served", "cancelled", "failed"]);

export class Ended {
  constructor(storeId) {
    this.key = `orderwire.kitchen.ended.${storeId}`;
    this.orders = new Map(this.#load().map((order) => [order.id, order]));
  }

  get(orderId) {
    return this.orders.get(orderId);
  }

  /** Looks at every change; keeps the order while it is out, drops it when it is back. */
  note(order) {
    this.orders.delete(order.id);
    if (LEFT.has(order.status) || order.tickets?.some((ticket) => ticket.status === "done")) this.orders.set(order.id, order);
    while (this.orders.size > KEPT) this.orders.delete(this.orders.keys().next().value);
    sessionStorage.setItem(this.key, JSON.stringify([...this.orders.values()]));
  }

  /** Kept ones and everything that is ready now, the latest change first. */
  list(present) {
    const all = new Map(this.orders);
    for (const order of present.values()) {
      if (all.has(order.id) || LEFT.has(order.status) || order.tickets?.some((ticket) => ticket.status === "done")) all.set(order.id, order);
    }
    const oldest = Date.now() - MINUTES * 60_000;
    const recent = [...all.values()].filter((order) => order.status === "ready" || Date.parse(order.updatedAt) > oldest);
    return recent.sort((a, b) => Date.parse(b.updatedAt) - Date.parse(a.updatedAt));
  }

  #load() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key)) ?? [];
    } catch {
      return [];
    }
  }
}
