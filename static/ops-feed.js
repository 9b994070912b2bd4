// Asks the server, again and again, for everything the ops page shows, and knows how old each answer is.

import { now } from "./clock.js";
import { claims } from "./token.js";

/** How long after one round of questions the next one begins. */
const EVERY = 3_000;
/** Data older than this is called stale, whatever the reason. */
const FRESH = 12_000;
/** A token that ends sooner than this is renewed, once a minute at most. */
const RENEW_WITHIN = 600_000;
const RENEW_EVERY = 60_000;

/** How many messages are shown, and how many stored calls. */
export const MOST_MESSAGES = 100;
export const MOST_CALLS = 20;

const SOURCES = {
  messages: `/v1/notifications?limit=${MOST_MESSAGES}`,
  partners: "/v1/partners",
  dead: `/v1/webhooks/inbox?state=dead&limit=${MOST_CALLS}`,
  parked: `/v1/webhooks/inbox?state=parked&limit=${MOST_CALLS}`,
  templates: "/v1/templates",
  server: "/readyz",
};

export class Feed extends EventTarget {
  /** The last good answer to each question: its body, or `{ forbidden: true }`. */
  data = {};
  /** When everything was last answered. */
  asOf = null;
  /** Only messages in this state are looked for; null for all. */
  only = null;
  #trouble = null;
  #halted = false;
  #timer = null;
  #asking = false;
  #askedAgain = false;
  #renewedAt = 0;

  constructor(api) {
    super();
    this.api = api;
  }

  /** `connecting`, `live`, `behind` (the server answers, but not everything) or `offline`. */
  get state() {
    const isFresh = this.asOf !== null && Date.now() - this.asOf < FRESH;
    if (this.#trouble) return this.#trouble;
    if (isFresh) return "live";
    return this.asOf === null ? "connecting" : "offline";
  }

  /** The token is refused: nothing is asked until there is another. */
  get halted() {
    return this.#halted;
  }

  /** Goes on with another token. */
  resume(token) {
    this.api.use(token);
    this.#halted = false;
    this.soon();
  }

  /** Asks now, or as soon as the round under way has ended. */
  soon() {
    clearTimeout(this.#timer);
    if (this.#asking) this.#askedAgain = true;
    else this.#round();
  }

  async #round() {
    this.#asking = true;
    const { only } = this;
    const chosen = only ? { chosen: `${SOURCES.messages}&state=${only}` } : {};
    const asked = Object.entries({ ...SOURCES, ...chosen });
    const answers = await Promise.all(asked.map(async ([name, path]) => [name, await this.api.call("GET", path).catch(() => null)]));
    this.#take(answers, only);
    if (!this.#halted) await this.#renewInTime().catch(() => null);
    this.#asking = false;
    this.dispatchEvent(new Event("round"));
    if (this.#halted) return;
    this.#timer = setTimeout(() => this.#round(), this.#askedAgain ? 0 : EVERY);
    this.#askedAgain = false;
  }

  #take(answers, only) {
    if (answers.some(([, answer]) => answer?.status === 401)) this.#halted = true;
    let failed = 0;
    for (const [name, answer] of answers) {
      // Whether the server is ready is told by an answer that may be 503.
      const isGood = answer !== null && (answer.status < 500 || name === "server");
      // Who doesn't answer is not ready, whatever it said before.
      if (answer === null && name === "server") delete this.data.server;
      if (!isGood) failed += 1;
      else if (answer.status !== 401) this.data[name] = answer.status === 403 ? { forbidden: true } : answer.body ?? {};
    }
    if (!answers.some(([name]) => name === "chosen")) delete this.data.chosen;
    // An answer that was chosen by a state nobody looks at any more.
    if (only !== this.only) delete this.data.chosen;
    const lost = answers.filter(([, answer]) => answer === null).length;
    this.#trouble = lost === answers.length ? "offline" : failed > 0 ? "behind" : null;
    if (!this.#trouble && !this.#halted) this.asOf = Date.now();
  }

  async #renewInTime() {
    const ends = claims(this.api.token)?.exp;
    if (!ends || ends * 1000 - now() > RENEW_WITHIN || Date.now() - this.#renewedAt < RENEW_EVERY) return;
    this.#renewedAt = Date.now();
    await this.api.renew();
  }
}
