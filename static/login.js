// The form that asks for a page's token.

import { h } from "./dom.js";
import { claims } from "./token.js";

/** Asks for a token, and where `wantsStore` for the store, if the token doesn't name one. Can't be closed without. */
export function askToken(dialog, { say, title, text, wantsStore }) {
  if (dialog.open) return new Promise(() => {});
  const token = h("textarea", { id: "login-token", rows: 4, required: true, autocomplete: "off", spellcheck: "false", dir: "ltr" });
  const store = h("input", { id: "login-store", placeholder: "str_…", autocomplete: "off", dir: "ltr" });
  const problem = h("p", { class: "login-problem", id: "login-problem", role: "alert" });
  const form = h("form", { class: "login", id: "login-form" },
    h("label", { for: "login-token" }, say("login.token")), token,
    wantsStore && [h("label", { for: "login-store" }, say("login.store")), store],
    problem, h("button", { class: "step step-main", "data-action": "login" }, say("login.go")));
  dialog.replaceChildren(h("h2", {}, title), h("p", { class: "dialog-text" }, text), form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  // A token has no line breaks, so Enter signs in.
  token.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  return new Promise((resolve) => form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = { token: token.value.trim(), store: store.value.trim() };
    const known = claims(given.token);
    if (!known) return void (problem.textContent = say("login.bad"));
    if (wantsStore && !given.store && !(known.stores?.length === 1 && known.stores[0] !== "*")) {
      problem.textContent = say("login.which");
      return void store.focus();
    }
    dialog.close();
    resolve(given);
  }));
}
