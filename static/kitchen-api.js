// Requests of the kitchen screen, and its token.

import { learn } from "./clock.js";
import { claims } from "./token.js";

const TOKEN_KEY = "orderwire.kitchen.token";

/** The token from the fragment of the address (which is cleaned, for it is a secret), else the one kept before. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given ?? sessionStorage.getItem(TOKEN_KEY);
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

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

export class Api {
  constructor(token) {
    this.token = token;
  }

  /** The answer as `{ status, body, retryAfter }`. Throws only when there was none. */
  async call(method, path, { body, version } = {}) {
    const headers = { authorization: `Bearer ${this.token}` };
    if (body) headers["content-type"] = "application/json";
    if (version) headers["if-match"] = `"${version}"`;
    const response = await fetch(path, {
      method, headers, cache: "no-store",
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    learn(response);
    const answer = await response.json().catch(() => null);
    return { status: response.status, body: answer, retryAfter: Number(response.headers.get("retry-after")) || 0 };
  }

  /** The order as it is now; null if the server doesn't know it (any more). */
  async order(id) {
    const { status, body } = await this.call("GET", `/v1/orders/${encodeURIComponent(id)}`);
    return status === 200 ? slim(body.order ?? body) : null;
  }

  /** A fresh token; null if the server refuses to renew this one. */
  async renew() {
    const { status, body } = await this.call("POST", "/v1/token/renew");
    if (status >= 500 || status === 429) throw new Error(`renewing failed with ${status}`);
    if (status !== 200) return null;
    this.token = body.token;
    keepToken(body.token);
    return body.token;
  }
}
