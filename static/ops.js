// The ops page: asks the server every few seconds how everything stands, and carries the operator's taps to it.

import { Api, keepToken, takeToken } from "./api.js";
import { h, icon, paint, put } from "./dom.js";
import { age } from "./format.js";
import { askToken } from "./login.js";
import { Feed } from "./ops-feed.js";
import { showMessages, showStates } from "./ops-messages.js";
import { showInbox, showPartners, showServer, showTemplates } from "./ops-panels.js";
import { OPS_WORDS } from "./ops-words.js";
import { message } from "./toast.js";
import { WORDS, pickLanguage, remember, remembered, setLanguage, speaker } from "./words.js";

const TOKEN_KEY = "orderwire.ops.token";
const LANGUAGE_KEY = "orderwire.ops.language";
const TABS = { messages: "chat", partners: "bike", inbox: "tray", server: "server" };
const $ = (id) => document.getElementById(id);
const speak = (lang) => speaker(lang, { ...WORDS, ...OPS_WORDS });

/** What a button asks of the server, and what is said when it was done. */
const ACTIONS = {
  retry: [(id) => `/v1/notifications/${id}/retry`, "msg.retried"],
  replay: [(id) => `/v1/webhooks/inbox/${id}/replay`, "inbox.replayed"],
  release: [(name) => `/v1/templates/${name}/release`, "template.released"],
};

let say = speak(pickLanguage(new URLSearchParams(location.search).get("lang"), remembered(LANGUAGE_KEY), navigator.language));
let feed = null;
/** What was asked for, and is not answered yet. */
const busy = new Set();

async function start() {
  setLanguage(say.lang);
  showFrame();
  let token = takeToken(TOKEN_KEY);
  if (!token) keepToken(TOKEN_KEY, (token = await logIn("ops.loginText")));
  feed = new Feed(new Api(token, TOKEN_KEY));
  feed.addEventListener("round", async () => {
    render();
    if (feed.halted) feed.resume(await logIn("ops.loginEnded"));
  });
  feed.soon();
  setInterval(showConnection, 1000);
  render();
}

async function logIn(text) {
  return (await askToken($("login"), { say, title: say("ops.login"), text: say(text) })).token;
}

// --- what is shown ---

function render() {
  showFrame();
  if (!feed) return;
  const { data, only } = feed;
  const all = data.messages?.notifications ?? [];
  showStates($("states"), all, only, say);
  const shown = only ? data.chosen?.notifications ?? all.filter(({ state }) => state === only) : all;
  if (data.messages?.forbidden) paint($("chat"), ["forbidden", say.lang], () => h("li", { class: "empty" }, say("ops.forbidden")));
  else if (data.messages) showMessages($("chat"), shown, { only, busy, say });
  showServer($("server"), data.server, say);
  showTemplates($("templates"), data.templates, busy, say);
  showInbox($("inbox"), data, busy, say);
  showPartners($("partners"), data.partners, say);
  showConnection();
}

function showFrame() {
  document.title = say("ops.title");
  put($("title"), say("ops.title"));
  put($("messages-title"), say("ops.messages"));
  put(document.querySelector('[data-action="language"]'), say("lang.other"));
  const tab = document.body.dataset.tab;
  const alarms = { inbox: feed?.data.dead?.calls?.length, server: feed?.data.server?.ready === false || feed?.data.templates?.templates?.some(({ stopped }) => stopped.length > 0) };
  $("tabs").setAttribute("aria-label", say("ops.sections"));
  paint($("tabs"), [tab, alarms, say.lang], () => Object.entries(TABS).map(([name, image]) =>
    h("button", { type: "button", "data-action": "tab", "data-tab": name, "aria-pressed": name === tab, "data-alarm": Boolean(alarms[name]) }, icon(image), h("span", {}, say(`ops.${name}`)))));
}

/** Runs every second: the age of the data must be seen to grow. */
function showConnection() {
  const { state, asOf } = feed;
  const old = asOf === null ? null : age(Date.now() - asOf, say.lang);
  $("connection").dataset.state = state;
  put($("connection-text"), say(`live.${state}`));
  put($("data-age"), old ?? "");
  const stale = state === "behind" || state === "offline";
  $("stale").hidden = !stale;
  $("stale").dataset.state = stale ? state : "";
  document.documentElement.dataset.stale = stale;
  if (!stale) return;
  put($("stale-text"), say(state === "behind" ? "ops.staleBehind" : "ops.staleOffline"));
  put($("stale-age"), `· ${old === null ? say("kitchen.noData") : say("kitchen.dataAge", { age: old })}`);
}

// --- what is pressed ---

async function ask(action, id) {
  const [path, done] = ACTIONS[action];
  busy.add(id);
  render();
  const answer = await feed.api.call("POST", path(encodeURIComponent(id))).catch(() => null);
  busy.delete(id);
  const why = answer?.body?.error?.message ?? (answer ? answer.status : say("ops.staleOffline"));
  message($("toasts"), answer && answer.status < 300 ? say(done) : say("ops.notDone", { message: why }));
  render();
  feed.soon();
}

/** Asks first: this may reach somebody twice. */
function isSure() {
  const dialog = $("sure");
  dialog.replaceChildren(h("h2", {}, say("msg.sureTitle")), h("p", { class: "dialog-text" }, say("msg.sureText")),
    h("form", { method: "dialog", class: "choices" },
      h("button", { class: "quiet", value: "" }, say("ops.cancel")), h("button", { class: "step", value: "yes", "data-action": "sure" }, say("msg.retry"))));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

const TAPS = {
  language() {
    say = speak(say.lang === "ar" ? "en" : "ar");
    remember(LANGUAGE_KEY, say.lang);
    setLanguage(say.lang);
    render();
  },
  tab({ tab }) {
    document.body.dataset.tab = tab;
    showFrame();
    scrollTo(0, 0);
  },
  filter({ state }) {
    feed.only = state || null;
    delete feed.data.chosen;
    render();
    feed.soon();
  },
  async retry({ id, state }) {
    if (state !== "unconfirmed" || (await isSure())) await ask("retry", id);
  },
  replay: ({ id }) => ask("replay", id),
  release: ({ id }) => ask("release", id),
};

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-action]");
  if (button) TAPS[button.dataset.action]?.(button.dataset);
});

start();
