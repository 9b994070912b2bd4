// Requests of the kitchen screen, and its token.

import * as api from "./api.js";
import { claims } from "./token.js";

const TOKEN_KEY = "orderwire.kitchen.token";

export const takeToken = () => api.takeToken(TOKEN_KEY);

export const keepToken = (token) => api.keepToken(TOKEN_KEY, token);

/** The store of this screen: from the address, else the only one the token knows. */
export function storeOf(token) {
  const stores = claims(token)?.stores ?? [];
  const only = stores.length === 1 && stores[0] !== "*" ? stores[0] : null;
  return new URLSearchParams(location.search).get("store") ?? only;
}

/** Kitchen screens hold no more of an order than they need, whatever an answer carries. */
export function slim({ customer, address, payment, total, ...order }) {
  return order;
}

export class Api extends api.Api {
  constructor(token) {
    super(token, TOKEN_KEY);
  }

  /** The order as it is now; null if the server doesn't know it (any more). */
  async order(id) {
    const { status, body } = await this.call("GET", `/v1/orders/${encodeURIComponent(id)}`);
    return status === 200 ? slim(body.order ?? body) : null;
  }
}
