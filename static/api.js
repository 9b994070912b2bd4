// Requests of a page that has a token of its own, and where the page keeps it.

import { learn } from "./clock.js";

/** The token from the fragment of the address (which is cleaned, for it is a secret), else the one kept before. */
export function takeToken(key) {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(key, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given ?? sessionStorage.getItem(key);
}

export function keepToken(key, token) {
  sessionStorage.setItem(key, token);
}

export class Api {
  #key;

  /** `key`: where the page keeps its token. */
  constructor(token, key) {
    this.token = token;
    this.#key = key;
  }

  /** From now on with another token, which is kept. */
  use(token) {
    this.token = token;
    keepToken(this.#key, token);
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

  /** A fresh token; null if the server refuses to renew this one. */
  async renew() {
    const { status, body } = await this.call("POST", "/v1/token/renew");
    if (status >= 500 || status === 429) throw new Error(`renewing failed with ${status}`);
    if (status !== 200) return null;
    this.use(body.token);
    return body.token;
  }
}
