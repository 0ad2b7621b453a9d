// The pages work without this. It posts a form and swaps the page's <main>, saves what is being
// written, asks to sign in again where a session is over, and warns before it is.
//
//   form[method=post]        is posted and swapped; with data-whole the browser does it itself
//   form[data-autosave=MS]   is posted with do=save once nothing was typed for MS milliseconds
//   [data-live][id]          is replaced by that of the same id in the answer to an autosave
//   [data-focus]             gets the focus after a swap; else the field that had it, else <main>
//   [data-announce]          is read out after a swap
//   [data-keys=on] [data-key=K]   is clicked by the key K, where nothing is being typed
//   [data-select]            is selected whole when it gets the focus
"use strict";

const policy = window.trustedTypes
  ? trustedTypes.createPolicy("preceptor-studio", { createHTML: (text) => text })
  : { createHTML: (text) => text };
const byId = (id) => document.getElementById(id);
const parse = (text) => new DOMParser().parseFromString(policy.createHTML(text), "text/html");
const RETRY_MS = [2000, 5000, 15000, 30000];

// --- asking the server

/** The answer as {status, url, page}; a rejected promise where there is no connection. */
async function ask(url, fields) {
  const answer = await fetch(url, {
    method: fields ? "POST" : "GET", body: fields, credentials: "same-origin", headers: { "X-Studio": "1" },
  });
  stillHere();
  return { status: answer.status, url: answer.url, page: parse(await answer.text()) };
}

function fieldsOf(form, button, doing) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) fields.append(name, value);
  if (button && button.name) fields.append(button.name, button.value);
  if (doing) fields.set("do", doing);
  fields.set("token", document.body.dataset.token);
  return fields;
}

// A field may be named "action": a property of the form would be that field.
const actionOf = (form) => form.getAttribute("action") || location.href;

/** Ask until somebody is signed in. */
async function send(form, button, doing) {
  let answer = await ask(actionOf(form), fieldsOf(form, button, doing));
  while (answer.status === 401) {
    await signInAgain();
    answer = await ask(actionOf(form), fieldsOf(form, button, doing));
  }
  return answer;
}

/** Why nothing was done, where the answer is not the form's own page with what was written. */
function refusalOf(answer) {
  if (answer.status < 400 || answer.status === 409 || answer.status === 422) return "";
  const said = answer.page.querySelector("#problem bdi, main .lead");
  return said ? said.textContent : String(answer.status);
}

// --- swapping

function adopt(page) {
  for (const name of ["token", "person", "idle"]) document.body.dataset[name] = page.body.dataset[name] || "";
  for (const each of document.querySelectorAll('input[name="token"]')) each.value = document.body.dataset.token;
}

function place(at) {
  return at && at.id ? { id: at.id, from: at.selectionStart, to: at.selectionEnd } : null;
}

function focus(before) {
  const main = byId("main");
  const again = before && byId(before.id);
  const target = main.querySelector("[data-focus], [role=alert]") || (again && main.contains(again) ? again : main);
  target.focus();
  if (target === again && typeof before.from === "number" && target.setSelectionRange) {
    try { target.setSelectionRange(before.from, before.to); } catch { /* a type without a selection */ }
  }
  const said = main.querySelector("[data-announce]");
  byId("announce").textContent = said && said.getAttribute("role") !== "alert" ? said.textContent : document.title;
}

function swap({ page, url }) {
  const main = page.getElementById("main"), header = page.querySelector("header.site");
  if (!main) { location.assign(url); return; }
  const before = place(document.activeElement);
  byId("main").replaceWith(document.adoptNode(main));
  if (header) document.querySelector("header.site").replaceWith(document.adoptNode(header));
  document.title = page.title;
  adopt(page);
  const shown = new URL(url);
  shown.searchParams.delete("done");
  if (shown.href !== location.href) history.pushState(null, "", shown);
  focus(before);
}

async function submitted(event) {
  const form = event.target, button = event.submitter;
  if (form.getAttribute("method") !== "post" || event.defaultPrevented) return;
  if (form.hasAttribute("data-whole")) { leaving = true; return; }
  event.preventDefault();
  if (form.hasAttribute("data-stay")) { stay(form); return; }
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  const saver = savers.get(form);
  if (saver) saver.stop();
  try {
    const answer = await send(form, button);
    const refusal = refusalOf(answer);
    if (refusal) { say("refused", refusal); return; }
    savers.delete(form);
    swap(answer);
    say("");
  } catch (error) {
    say("failed");
    if (saver) saver.later();
  } finally {
    form.removeAttribute("aria-busy");
  }
}

// --- saving

const savers = new Map();
let leaving = false;

function say(what, more) {
  const line = byId("saving");
  line.hidden = !what;
  line.classList.toggle("bad", what === "failed" || what === "refused");
  line.textContent = what ? line.dataset[what] + (more ? " " + more : "") : "";
}

class Saver {
  constructor(form) { this.form = form; this.timer = 0; this.tries = 0; this.changes = 0; this.saved = 0; this.busy = false; }
  get dirty() { return this.changes !== this.saved && this.form.isConnected; }
  changed() { this.changes += 1; this.tries = 0; this.wait(Number(this.form.dataset.autosave) || 1500); }
  wait(ms) { clearTimeout(this.timer); this.timer = setTimeout(() => this.save(), ms); }
  stop() { clearTimeout(this.timer); }
  later() { this.wait(RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]); }
  async save() {
    if (this.busy || !this.dirty) return;
    if (this.form.getAttribute("aria-busy") === "true") { this.later(); return; }
    const at = this.changes;
    this.busy = true;
    say("busy");
    try {
      const answer = await send(this.form, null, "save");
      this.took(answer, at);
    } catch (error) {
      say("failed");
      this.later();
    } finally {
      this.busy = false;
    }
    if (this.dirty && this.changes !== at) this.wait(500);
  }
  took(answer, at) {
    if (answer.status === 409) { swap(answer); say(""); return; }
    if (answer.status >= 500 || answer.status === 429) throw new Error("not saved");
    const refusal = refusalOf(answer) || (answer.status === 422 && answer.page.querySelector("#problem bdi").textContent);
    if (!refusalOf(answer)) { adopt(answer.page); refresh(answer.page); }
    if (refusal) { say("refused", refusal); return; }
    this.saved = at;
    this.tries = 0;
    say("done", new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  }
}

function refresh(page) {
  for (const old of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(old.id);
    if (fresh && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
  }
}

function typed(event) {
  const form = event.target.form;
  if (!form || !form.hasAttribute("data-autosave")) return;
  if (!savers.has(form)) savers.set(form, new Saver(form));
  savers.get(form).changed();
}

function unsaved() {
  return [...savers.values()].some((saver) => saver.dirty);
}

// --- signing in again: the server's own form, in a dialog

let signingIn = null;

function signInAgain() {
  if (!signingIn) signingIn = dialogue().finally(() => { signingIn = null; });
  return signingIn;
}

function shown(dialog, page) {
  const form = document.adoptNode(page.getElementById("signin"));
  const problem = page.getElementById("problem");
  if (problem) problem.removeAttribute("id");
  const box = dialog.querySelector("[data-form]");
  for (const each of form.querySelectorAll("[id]")) each.id = "again-" + each.id;
  for (const each of form.querySelectorAll("label[for]")) each.htmlFor = "again-" + each.htmlFor;
  box.replaceChildren(...(problem ? [document.adoptNode(problem)] : []), form);
  if (!dialog.open) dialog.showModal();
  const [email, password] = form.querySelectorAll("input[type=email], input[type=password]");
  (email.value ? password : email).focus();
  return form;
}

function dialogue() {
  const dialog = byId("signin-again"), person = document.body.dataset.person;
  if (!dialog) { location.assign("/login"); return new Promise(() => {}); }
  return new Promise((resolve, reject) => {
    let done = false;
    const entered = (page) => {
      done = true;
      dialog.close();
      if (page.body.dataset.person !== person) { leaving = true; location.assign("/"); return; }
      adopt(page);
      resolve();
    };
    const offer = (page) => {
      if (!page.getElementById("signin")) { entered(page); return; }
      const form = shown(dialog, page);
      form.addEventListener("submit", async (event) => {
        const away = event.submitter && event.submitter.value === "provider";
        if (!away) event.preventDefault();
        event.stopPropagation();
        if (away) { // in a tab of its own: what was written stays in this one
          event.submitter.formTarget = "_blank";
          addEventListener("focus", async () => { offer((await ask("/login")).page); }, { once: true });
          return;
        }
        try {
          const fields = new URLSearchParams(new FormData(form));
          fields.set("next", "/");
          offer((await ask("/login", fields)).page);
        } catch (error) { say("failed"); }
      });
    };
    dialog.addEventListener("close", () => { if (!done) reject(new Error("signed out")); }, { once: true });
    ask("/login").then((answer) => offer(answer.page), reject);
  });
}

// --- idle: a warning two minutes before the end

const WARN_S = 120;
let idleTimer = 0;

function stillHere() {
  const idle = Number(document.body.dataset.idle);
  clearTimeout(idleTimer);
  if (idle) idleTimer = setTimeout(checkIdle, Math.max(1, idle - WARN_S) * 1000);
}

async function checkIdle() {
  const dialog = byId("idle");
  let left = 0;
  try {
    const answer = await fetch("/session", { headers: { "X-Studio": "1" }, credentials: "same-origin" });
    if (answer.status === 200) left = (await answer.json()).left;
  } catch (error) {
    idleTimer = setTimeout(checkIdle, 30000);
    return;
  }
  if (left > WARN_S + 5) { // another tab is in use
    if (dialog && dialog.open) dialog.close();
    idleTimer = setTimeout(checkIdle, (left - WARN_S) * 1000);
  } else if (left > 0) {
    if (dialog && !dialog.open) dialog.showModal();
    if (dialog) dialog.querySelector("[data-left]").textContent = left > 60 ? "2 minutes" : "1 minute";
    idleTimer = setTimeout(checkIdle, Math.min(left, 30) * 1000 + 1000);
  } else {
    if (dialog && dialog.open) dialog.close();
    signInAgain().catch(() => {});
  }
}

async function stay(form) {
  try {
    const answer = await ask(actionOf(form), fieldsOf(form, null));
    byId("idle").close();
    if (answer.status === 401) await signInAgain();
  } catch (error) { say("failed"); }
}

// --- keys

function pressed(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.key.length !== 1) return;
  const at = document.activeElement;
  if (at && (at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) && !/^(checkbox|radio)$/.test(at.type)) return;
  if (document.querySelector("dialog[open]")) return;
  for (const each of document.querySelectorAll('[data-keys="on"] [data-key]')) {
    if (each.dataset.key !== event.key.toLowerCase() || each.disabled) continue;
    event.preventDefault();
    each.click();
    return;
  }
}

document.addEventListener("submit", submitted);
document.addEventListener("input", typed);
document.addEventListener("change", typed);
document.addEventListener("keydown", pressed);
document.addEventListener("focusin", (event) => { if (event.target.matches("[data-select]")) event.target.select(); });
addEventListener("popstate", () => location.reload());
addEventListener("online", () => { for (const saver of savers.values()) if (saver.dirty) saver.wait(0); });
addEventListener("beforeunload", (event) => { if (unsaved() && !leaving) event.preventDefault(); });
stillHere();
