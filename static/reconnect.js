// When to come back after a socket is lost: the close codes of the live protocol, and the delays.

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** A socket that worked for this long proves that the way is free: the next delay starts small again. */
const STEADY = 5_000;
/** What "at once" is spread over: whoever loses a socket seldom loses it alone. */
const MOMENT = 500;
/** What the server may be late by with a close that it has announced. */
const LATE = 5_000;

export const SHUTDOWN = 4001;
export const TOKEN_EXPIRED = 4005;
export const POSITION_LOST = 4010;
export const NO_ANSWER = 4012;
/** Codes after which to come back at once. */
const AT_ONCE = new Set([SHUTDOWN, POSITION_LOST, NO_ANSWER]);

/** Codes after which coming back is useless: the token or the client itself is at fault. */
export const isFinal = (code) => code >= 4500 && code <= 4999;

/** Exponential delay; the random share is taken after the cap, or all screens would come back together at 30 s. */
function backoff(attempt) {
  const capped = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 16));
  return Math.round(capped * (0.25 + 0.75 * Math.random()));
}

const moment = () => Math.round(MOMENT * Math.random());

export class Reconnect {
  #open;
  #timer = null;
  #plannedAt = null;
  /** Losses in a row without a steady socket between them. */
  #losses = 0;

  /** `open` is called when it is time. */
  constructor(open) {
    this.#open = open;
  }

  /** The server will close the socket in so many milliseconds. Until then it goes on. */
  plan(afterMs) {
    this.#plannedAt = Date.now() + afterMs;
  }

  /** The announced close has not come. */
  get isDue() {
    return this.#plannedAt !== null && Date.now() > this.#plannedAt + LATE;
  }

  /** Counts a loss and says how long to wait. `lived`: how long the socket had worked, in milliseconds. */
  delayAfter(code, lived) {
    const planned = this.#plannedAt;
    const steady = lived > STEADY;
    this.#plannedAt = null;
    this.#losses = steady ? 0 : this.#losses + 1;
    const growing = backoff(Math.max(0, this.#losses - 1));
    // A server that ends before the turn of this socket leaves it its turn, or all that are left would come back together.
    if (planned !== null) return Math.max(0, planned - Date.now()) + (steady ? moment() : growing);
    // "At once" again and again would be a storm: only a socket that had worked earns it.
    if (AT_ONCE.has(code) && steady) return moment();
    if (code === TOKEN_EXPIRED && this.#losses <= 1) return moment();
    return growing;
  }

  /** Waits, then opens. */
  after(delay) {
    this.cancel();
    this.#timer = setTimeout(this.#open, delay);
  }

  /** Something else than opening has to be tried again: does it later, and later still each time. */
  retry(action) {
    this.cancel();
    this.#timer = setTimeout(action, backoff(this.#losses++));
  }

  /** Forgets what was planned, and a wait under way. */
  cancel() {
    this.#plannedAt = null;
    clearTimeout(this.#timer);
  }

  /** What failed so far doesn't count any more. */
  forgive() {
    this.#losses = 0;
  }
}
