// The messages, like a phone's chat: what was sent to whom, and how far it has come.

import { h, icon, paint } from "./dom.js";
import { clockTime } from "./format.js";
import { MOST_MESSAGES } from "./ops-feed.js";

/** The mark of each state. */
const MARKS = {
  queued: "clock", sending: "clock", held: "wait", accepted: "check", sent: "check", delivered: "checks", read: "checks",
  failed: "warning", unconfirmed: "warning", expired: "close", superseded: "close", suppressed: "close", no_consent: "close",
};
/** What the server sends again when it is told to. */
const RETRYABLE = new Set(["failed", "unconfirmed", "expired", "suppressed"]);
/** What was seen on the way, in order. */
const STAGES = [["sent", "sentAt"], ["delivered", "deliveredAt"], ["read", "readAt"]];

const mark = (state) => h("span", { class: "mark", "data-mark": state }, icon(MARKS[state]));

/** One button for each state that there is, with how many. */
export function showStates(place, messages, only, say) {
  const counts = new Map(Object.keys(MARKS).map((state) => [state, 0]));
  for (const { state } of messages) counts.set(state, (counts.get(state) ?? 0) + 1);
  const shown = [...counts].filter(([state, count]) => count > 0 || state === only);
  place.setAttribute("aria-label", say("msg.filter"));
  paint(place, [shown, messages.length, only, say.lang], () => {
    const chip = (state, label, count) => h("button", {
      type: "button", class: "chip", "data-action": "filter", "data-state": state, "aria-pressed": (state || null) === only, "data-count": count,
    }, state && mark(state), h("span", {}, label), h("b", {}, count));
    const all = messages.length < MOST_MESSAGES ? messages.length : `${MOST_MESSAGES}+`;
    return [chip("", say("msg.newest"), all), ...shown.map(([state, count]) => chip(state, say.named("state", state), count))];
  });
}

/** The list. `busy`: ids whose button was pressed just now. */
export function showMessages(place, messages, { only, busy, say }) {
  const known = new Map([...place.children].map((item) => [item.dataset.id, item]));
  const items = messages.map((message) => {
    const item = known.get(message.id) ?? h("li", { class: "message", "data-id": message.id });
    item.dataset.state = message.state;
    const today = new Date().toDateString();
    paint(item, [message, busy.has(message.id), say.lang, today], () => parts(message, busy.has(message.id), say));
    return item;
  });
  place.dataset.page = "ready";
  place.dataset.count = items.length;
  if (items.length === 0) {
    const empty = only ? [h("p", {}, say("msg.emptyState"))] : [h("strong", {}, say("msg.empty")), h("p", {}, say("msg.emptyText"))];
    return place.replaceChildren(h("li", { class: "empty" }, empty));
  }
  // Only what moved is moved, so that the focus stays where it is.
  for (const item of [...place.children]) if (!items.includes(item)) item.remove();
  items.forEach((item, at) => place.children[at] !== item && place.insertBefore(item, place.children[at] ?? null));
}

function parts(message, isBusy, say) {
  return [head(message, say), body(message, say), why(message, say), foot(message, isBusy, say)];
}

function head({ orderNumber, event, channel, recipient, audience, createdAt }, say) {
  const number = orderNumber ? say("msg.order", { number: `\u2068${orderNumber}\u2069` }) : say("msg.answer");
  const to = [say.named("channel", channel), " ", recipient && h("bdi", { dir: "ltr" }, recipient), audience === "store" && ` ${say("msg.toStore")}`];
  return h("div", { class: "message-head" },
    h("strong", { class: "message-order" }, number),
    h("span", { class: "message-about" }, eventWord(event, say), " · ", to),
    h("time", { class: "message-time", datetime: createdAt }, clockTime(createdAt, say.lang)));
}

function eventWord(event, say) {
  return say(`event.${event}`, {}, say.named("status", event));
}

function body({ text, language }, say) {
  if (!text) return null;
  // A link to somebody's order opens it: it is for them alone.
  const lines = text.replaceAll(/(\/track\/)\S+/g, "$1…").split("\n");
  // Each line has its own direction, or an address would stand on its head in Arabic.
  return h("p", { class: "message-text", lang: language }, lines.map((line) => h("span", { dir: "auto" }, line)));
}

function why({ code, note }, say) {
  if (!code && !note) return null;
  const words = say(`code.${code}`, {}, "");
  const isOurs = !/^\d/.test(code ?? "");
  return h("p", { class: "message-why" },
    !isOurs && h("code", { dir: "ltr" }, code),
    h("span", { dir: "auto" }, words || note || say.named("code", code)),
    words && !isOurs && note && h("span", { class: "message-note", dir: "auto" }, note));
}

function foot(message, isBusy, say) {
  const { state, attempts, nextAttemptAt } = message;
  const stages = STAGES.filter(([, at]) => message[at]);
  const waits = nextAttemptAt && ["queued", "held"].includes(state);
  return h("div", { class: "message-foot" },
    h("span", { class: "message-state" }, mark(state), h("span", {}, say.named("state", state))),
    attempts > 1 && h("span", {}, say("msg.tries", { n: attempts })),
    waits && h("span", {}, say("msg.next", { time: clockTime(nextAttemptAt, say.lang) })),
    RETRYABLE.has(state) && message.recipient && h("button", { class: "action", type: "button", "data-action": "retry", "data-id": message.id, "data-state": state, disabled: isBusy },
      icon(isBusy ? "wait" : "undo"), say(isBusy ? "kitchen.sending" : "msg.retry")),
    h("span", { class: "stages" }, stages.map(([stage, at]) =>
      h("span", { class: "stage", "data-stage": stage, title: say(`state.${stage}`) }, mark(stage), h("span", { class: "sr-only" }, say(`state.${stage}`)), clockTime(message[at], say.lang)))));
}
