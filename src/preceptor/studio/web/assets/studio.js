// The pages work without this. It posts a form and swaps the page's <main>, saves what is being
// written, asks to sign in again where a session is over, and warns before it is. Every 15 seconds
// it says that the page is in use, where it is.
//
//   form[method=post]        is posted and swapped; with data-whole the browser does it itself
//   form[data-autosave=MS]   is posted with do=save once nothing was typed for MS milliseconds
//   [data-stream=ADDRESS]    shows an answer as it comes; then its parent is fetched anew
//   [data-live][id]          is replaced by that of the same id in the answer to an autosave, or else
//                            emptied
//   [data-told][id]          likewise, once a stream has ended
//   [data-focus]             gets the focus after a swap; else the field that had it, else <main>
//   [data-announce]          is read out after a swap
//   [data-keys=on] [data-key=K]   is clicked by the key K, where nothing is being typed: that of the
//                            group that has the focus, or else the page's only one
//   [data-then=ID]           what gets the focus after that: a field, or with "next" the next group
//   [data-enter=ID]          what Enter in a field leads to: another field, or a button that it presses
//   [data-switch=keys]       turns these keys on and off, here and on later pages
//   [data-scripted][hidden]  is shown, since it needs this script
//   [data-select]            is selected whole when it gets the focus
"use strict";

const policy = window.trustedTypes
  ? trustedTypes.createPolicy("preceptor-studio", { createHTML: (text) => text })
  : { createHTML: (text) => text };
const byId = (id) => document.getElementById(id);
const parse = (text) => new DOMParser().parseFromString(policy.createHTML(text), "text/html");
const RETRY_MS = [2000, 5000, 15000, 30000];

// --- asking the server

/** The answer as {status, url, page}, the page with "save" only what changes in it; a rejected
 * promise where there is no connection. */
async function ask(url, fields, doing = "1") {
  const answer = await fetch(url, {
    method: fields ? "POST" : "GET", body: fields, credentials: "same-origin", headers: { "X-Studio": doing },
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
  let answer = await ask(actionOf(form), fieldsOf(form, button, doing), doing);
  while (answer.status === 401) {
    await signInAgain();
    answer = await ask(actionOf(form), fieldsOf(form, button, doing), doing);
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
  for (const name of ["token", "person", "idle", "outbox"]) document.body.dataset[name] = page.body.dataset[name] || "";
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

const addressOf = () => location.pathname + location.search;
let pageShown = addressOf();

function swap({ page, url }) {
  const main = page.getElementById("main"), header = page.querySelector("header.site");
  if (!main) { location.assign(url); return; }
  const before = place(document.activeElement);
  byId("main").replaceWith(document.adoptNode(main));
  if (header) document.querySelector("header.site").replaceWith(document.adoptNode(header));
  document.title = page.title;
  adopt(page);
  followAll();
  sayOutbox();
  switchKeys();
  const shown = new URL(url);
  shown.searchParams.delete("done");
  if (shown.href !== location.href) history.pushState(null, "", shown);
  pageShown = addressOf();
  focus(before);
}

// Form → its fields that were typed in while it was sent: the answer does not have that.
const meanwhile = new WeakMap();

function bringOver(fields, action) {
  for (const old of fields) {
    const now = old.id && byId(old.id);
    if (!now || !now.form || actionOf(now.form) !== action) continue;
    if (old.type === "checkbox" || old.type === "radio") now.checked = old.checked; else now.value = old.value;
    now.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

async function submitted(event) {
  const form = event.target, button = event.submitter;
  if (form.getAttribute("method") !== "post" || event.defaultPrevented) return;
  if (form.hasAttribute("data-whole")) { leaving = true; return; }
  event.preventDefault();
  if (form.hasAttribute("data-stay")) { stay(form); return; }
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  meanwhile.set(form, new Set());
  const saver = savers.get(form);
  if (saver) saver.stop();
  try {
    if (saver) await saver.pending; // its reply brings the revision that this one is sent with
    const answer = await send(form, button);
    const refusal = refusalOf(answer);
    if (refusal) { say("refused", refusal); return; }
    if (saver) saver.drop();
    savers.delete(form);
    swap(answer);
    say("");
    bringOver(meanwhile.get(form), actionOf(form));
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
  constructor(form) { this.form = form; this.timer = 0; this.tries = 0; this.changes = 0; this.saved = 0; this.busy = false; this.pending = null; this.kept = Promise.resolve(); }
  get dirty() { return this.changes !== this.saved && this.form.isConnected; }
  changed() { this.changes += 1; this.tries = 0; this.keep(); this.wait(Number(this.form.dataset.autosave) || 1500); }
  wait(ms) { clearTimeout(this.timer); this.timer = setTimeout(() => this.save(), ms); }
  keep() {
    const at = this.changes;
    this.kept = this.kept.then(() => at === this.changes && at !== this.saved ? keep(this.form) : null).catch(() => {});
  }
  drop() { const form = this.form; this.kept = this.kept.then(() => localStorage.removeItem(outboxName(form))).catch(() => {}); }
  stop() { clearTimeout(this.timer); }
  later() { this.wait(RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]); }
  save() {
    if (this.busy || !this.dirty) return;
    if (this.form.getAttribute("aria-busy") === "true") { this.later(); return; }
    this.pending = this.saving();
  }
  async saving() {
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
    if (!refusalOf(answer)) refresh(answer.page);
    if (refusal) { say("refused", refusal); return; }
    this.saved = at;
    if (!this.dirty) this.drop();
    this.tries = 0;
    say("done", new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  }
}

function refresh(page, which = "[data-live][id]") {
  for (const old of document.querySelectorAll(which)) {
    const fresh = page.getElementById(old.id);
    if (old.contains(document.activeElement)) continue;
    if (fresh) old.replaceWith(document.adoptNode(fresh)); else old.replaceChildren();
  }
}

function typed(event) {
  const form = event.target.form;
  if (!form || !form.hasAttribute("data-autosave")) return;
  if (!savers.has(form)) savers.set(form, new Saver(form));
  savers.get(form).changed();
  if (form.getAttribute("aria-busy") === "true" && meanwhile.has(form)) meanwhile.get(form).add(event.target);
}

function unsaved() {
  return [...savers.values()].some((saver) => saver.dirty);
}

// --- what is typed is kept encrypted until it is saved; the session's key comes with the page

let outboxKey = { hex: "", key: null };
const outboxName = (form) => `outbox ${document.body.dataset.person} ${new URL(actionOf(form), location.href).pathname}`;
const canKeep = () => Boolean(document.body.dataset.outbox && window.crypto && crypto.subtle && window.localStorage);

function keyOfSession() {
  const hex = document.body.dataset.outbox;
  if (outboxKey.hex !== hex) {
    const raw = Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
    outboxKey = { hex, key: crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]) };
  }
  return outboxKey.key;
}

async function keep(form) {
  if (!canKeep() || !form.isConnected) return;
  const fields = fieldsOf(form, null, "save"), iv = crypto.getRandomValues(new Uint8Array(12));
  fields.delete("token");
  const data = new TextEncoder().encode(String(fields));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOfSession(), data));
  let text = "";
  for (const byte of [...iv, ...sealed]) text += String.fromCharCode(byte);
  localStorage.setItem(outboxName(form), btoa(text));
}

/** Send what an earlier page could not; where another window saved since, the answer has both texts. */
async function restore(form) {
  const name = outboxName(form), kept = localStorage.getItem(name);
  if (!kept) return;
  let fields;
  try {
    const bytes = Uint8Array.from(atob(kept), (sign) => sign.charCodeAt(0));
    const data = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.slice(0, 12) }, await keyOfSession(), bytes.slice(12));
    fields = new URLSearchParams(new TextDecoder().decode(data));
  } catch { localStorage.removeItem(name); return; } // of another session: nobody can read it
  fields.set("token", document.body.dataset.token);
  const answer = await ask(actionOf(form), fields);
  if (![200, 409, 422].includes(answer.status)) return;
  localStorage.removeItem(name);
  swap(answer);
  if (answer.status === 200) say("restored");
}

function sayOutbox() {
  for (const each of document.querySelectorAll("[data-outbox-off]")) each.hidden = canKeep();
}

// --- an answer as it comes: server-sent events, and polling where they stay away or are cut

const POLL_MS = 1500, SILENCE_MS = 25000;
const ENDED = ["done", "failed", "stopped", "interrupted"];
const followed = new WeakSet();

function followAll() {
  for (const box of document.querySelectorAll("[data-stream]")) {
    if (!followed.has(box)) { followed.add(box); new Follower(box).begin(); }
  }
}

class Follower {
  constructor(box) { this.box = box; this.text = box.querySelector("[role=log]"); this.after = 0; this.timer = 0; this.source = null; }
  begin() {
    if (!window.EventSource) { this.poll(); return; }
    this.source = new EventSource(this.box.dataset.stream);
    this.source.onmessage = (event) => { this.watch(); this.take(JSON.parse(event.data)); };
    this.source.addEventListener("beat", () => this.watch());
    this.source.onerror = () => this.fall();
    this.watch();
  }
  watch() { clearTimeout(this.timer); this.timer = setTimeout(() => this.fall(), SILENCE_MS); }
  fall() { this.end(); this.poll(); }
  end() { clearTimeout(this.timer); if (this.source) this.source.close(); this.source = null; }
  async poll() {
    if (!this.box.isConnected) return;
    try {
      const address = `${this.box.dataset.stream}?poll=1&after=${this.after}`;
      const answer = await fetch(address, { headers: { "X-Studio": "1" }, credentials: "same-origin" });
      if (answer.status === 401) await signInAgain();
      else if (answer.status === 200 && this.take(await answer.json())) return;
      else if (answer.status === 404) { await this.finish(); return; }
    } catch (error) { /* no connection: once more */ }
    this.timer = setTimeout(() => this.poll(), POLL_MS);
  }
  /** Whether it was the end. */
  take(since) {
    if (!this.box.isConnected) { this.end(); return true; }
    this.after = since.after;
    this.text.textContent = since.anew ? since.text : this.text.textContent + since.text;
    if (!ENDED.includes(since.state)) return false;
    this.end();
    this.finish();
    return true;
  }
  async finish() {
    try {
      const place = this.box.parentElement, { page } = await ask(location.href);
      const fresh = page.getElementById(place.id);
      if (!fresh || !place.isConnected) return;
      const had = place.contains(document.activeElement);
      adopt(page);
      place.replaceWith(document.adoptNode(fresh));
      refresh(page, "[data-told][id]"); // the number of the save stays: it is that of what is typed here
      if (had) fresh.focus();
      byId("announce").textContent = this.box.dataset.done;
      followAll();
    } catch (error) { this.timer = setTimeout(() => this.finish(), POLL_MS); }
  }
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

// --- active time: a page in sight that was used within the last minute

const BEAT_MS = 15000, USED_MS = 60000;
let usedAt = Date.now();

async function beat() {
  const { person, token } = document.body.dataset;
  if (!person || document.visibilityState !== "visible" || Date.now() - usedAt > USED_MS) return;
  const fields = new URLSearchParams({ path: location.pathname, token });
  const headers = { "X-Studio": "1" };
  try { await fetch("/active", { method: "POST", body: fields, credentials: "same-origin", headers }); } catch { /* not counted */ }
}

// --- keys

function pressed(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.key.length !== 1) return;
  const at = document.activeElement;
  if (at && (at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) && !/^(checkbox|radio)$/.test(at.type)) return;
  if (document.querySelector("dialog[open]")) return;
  const own = at && at.closest("[data-keys]");
  const those = [...document.querySelectorAll("[data-keys=on] [data-key]")]
    .filter((each) => each.dataset.key === event.key.toLowerCase() && !each.disabled);
  const mine = those.filter((each) => own && own.contains(each));
  const [each, more] = mine.length ? mine : those;
  if (!each || more) return;
  event.preventDefault();
  each.focus();
  each.click();
  const then = each.dataset.then === "next" ? following(each.closest("[data-keys]")) : byId(each.dataset.then);
  if (then) then.focus();
}

/** The first choice of the next group, or what comes after the last one. */
function following(group) {
  const groups = [...document.querySelectorAll("[data-keys]")], next = groups[groups.indexOf(group) + 1];
  if (next) return next.querySelector("[data-key]:checked") || next.querySelector("[data-key]");
  return [...group.form.elements].find((e) => e.matches("button, textarea") && e.checkVisibility() &&
    group.compareDocumentPosition(e) === Node.DOCUMENT_POSITION_FOLLOWING);
}

function entered(event) {
  if (event.key !== "Enter" || event.isComposing || !event.target.dataset.enter) return;
  const then = byId(event.target.dataset.enter);
  if (!then) return;
  event.preventDefault();
  if (then.tagName === "BUTTON") then.click(); else then.focus();
}

function switchKeys() {
  let on = true;
  try { on = localStorage.getItem("studio-keys") !== "off"; } catch { /* no storage: on */ }
  for (const each of document.querySelectorAll("[data-keys]")) each.dataset.keys = on ? "on" : "off";
  for (const each of document.querySelectorAll('[data-switch="keys"]')) each.checked = on;
  for (const each of document.querySelectorAll("[data-scripted][hidden]")) each.hidden = false;
}

function switched(event) {
  if (!event.target.matches('[data-switch="keys"]')) return;
  event.stopImmediatePropagation(); // nothing of the form changed
  if (event.type !== "change") return;
  try { localStorage.setItem("studio-keys", event.target.checked ? "on" : "off"); } catch { /* for this page alone */ }
  for (const each of document.querySelectorAll("[data-keys]")) each.dataset.keys = event.target.checked ? "on" : "off";
}

document.addEventListener("submit", submitted);
document.addEventListener("input", switched);
document.addEventListener("change", switched);
document.addEventListener("input", typed);
document.addEventListener("change", typed);
document.addEventListener("keydown", pressed);
document.addEventListener("keydown", entered);
document.addEventListener("focusin", (event) => { if (event.target.matches("[data-select]")) event.target.select(); });
// A link to a place in the page comes here, too.
addEventListener("popstate", () => { if (addressOf() !== pageShown) location.reload(); });
addEventListener("online", () => { for (const saver of savers.values()) if (saver.dirty) saver.wait(0); });
addEventListener("beforeunload", (event) => { if (unsaved() && !leaving) event.preventDefault(); });
followAll();
sayOutbox();
if (canKeep()) for (const form of document.querySelectorAll("form[data-autosave]")) restore(form).catch(() => {});
switchKeys();
stillHere();
for (const kind of ["pointermove", "pointerdown", "keydown", "input", "scroll"]) {
  addEventListener(kind, () => { usedAt = Date.now(); }, { capture: true, passive: true });
}
setInterval(beat, BEAT_MS);
