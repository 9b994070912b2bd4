// Whether a socket still lives: a dead line is silent, but so is a quiet store.

/** No `hello` after this long: try another socket. */
export const HELLO_WITHIN = 10_000;
/** How long a doubted socket has to answer a ping. */
const ECHO_WITHIN = 4_000;
/** What a ping may be late by. */
const LATE = 5_000;

export class Heartbeat {
  /** When the last frame came, on whichever socket. */
  lastFrameAt = null;
  #greeted = false;
  #openedAt = 0;
  #pingEvery = 20_000;
  #echoBy = null;

  /** A new socket, or none. */
  reset() {
    this.#greeted = false;
    this.#openedAt = Date.now();
    this.#echoBy = null;
  }

  /** `hello` has come: in so many seconds the server will ping. */
  greet(pingEvery = 20) {
    this.#greeted = true;
    this.#pingEvery = pingEvery * 1000;
  }

  heard() {
    this.lastFrameAt = Date.now();
    this.#echoBy = null;
  }

  /** A ping was sent: from now on an answer is owed. */
  asked() {
    this.#echoBy = Date.now() + ECHO_WITHIN;
  }

  get greeted() {
    return this.#greeted;
  }

  /** How long the socket has worked. */
  get lived() {
    return this.#greeted ? Date.now() - this.#openedAt : 0;
  }

  get #silence() {
    return this.lastFrameAt === null ? 0 : Date.now() - this.lastFrameAt;
  }

  get isDead() {
    if (!this.#greeted) return Date.now() - this.#openedAt > HELLO_WITHIN;
    if (this.#echoBy && Date.now() > this.#echoBy) return true;
    return this.#silence > 2 * this.#pingEvery + LATE;
  }

  /** A server's ping is missing: enough to give a doubted socket up without asking it. */
  get missesPing() {
    return this.#silence > this.#pingEvery + LATE;
  }

  /** Silent for so many seconds, and not asked yet. */
  isQuiet(seconds) {
    return this.#greeted && !this.#echoBy && this.#silence > seconds * 1000;
  }
}
