// The pages work without this. It swaps in what a link or a filter leads to, keeps what is under
// way up to date, and lets arrow keys go through answers. XMLHttpRequest parses a page itself, so
// no text ever becomes markup here.
"use strict";

const EVERY_MS = 2000;
const byId = (id) => document.getElementById(id);
let asked = null;

function fetchPage(url, then, failed) {
  const request = new XMLHttpRequest();
  request.open("GET", url);
  request.responseType = "document";
  request.onload = () => (request.response ? then(request.response, request.status) : failed());
  request.onerror = failed;
  request.send();
  return request;
}

// --- answers and lists: the results are swapped, the filters stay

function swap(url, after) {
  if (asked) asked.abort();
  const results = byId("results");
  results.setAttribute("aria-busy", "true");
  asked = fetchPage(url, (page) => {
    const found = page.getElementById("results");
    if (!found) { location.assign(url); return; }
    results.replaceWith(document.adoptNode(found));
    document.title = page.title;
    after();
  }, () => location.assign(url));
}

function go(url, after) {
  swap(url, () => { history.pushState(null, "", url); after(); });
}

function show(link) {
  const list = link.closest("#list");
  const scrolled = document.querySelector(".list-pane") ? document.querySelector(".list-pane").scrollTop : 0;
  go(link.href, () => {
    const pane = document.querySelector(".list-pane");
    if (pane) pane.scrollTop = scrolled;
    const current = document.querySelector('#list [aria-current="true"]');
    if (current && pane) current.scrollIntoView({ block: "nearest" });
    if (link.closest(".pager") || link.classList.contains("back")) {
      byId("matches").scrollIntoView({ block: "start" });
      const first = current || document.querySelector("#list a");
      if (first) first.focus({ preventScroll: true });
      return;
    }
    const detail = byId("detail");
    if (!detail) return;
    detail.focus({ preventScroll: true });
    if (list || detail.getBoundingClientRect().top < 0) detail.scrollIntoView({ block: "start" });
  });
}

function clicked(event) {
  const link = event.target.closest("#results a");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.pathname !== location.pathname || link.target || link.hash) return;
  event.preventDefault();
  show(link);
}

function address(form) {
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  const query = new URLSearchParams(fields).toString();
  return location.pathname + (query ? "?" + query : "");
}

function filters() {
  const form = byId("filters");
  if (!form || !byId("results")) return;
  let waiting = 0;
  const apply = () => {
    clearTimeout(waiting);
    if (form.checkValidity()) go(address(form), () => {});
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 350); });
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  addEventListener("popstate", () => location.reload());
}

// --- keys

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const at = document.activeElement;
  if (at && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) return;
  const item = at && at.closest("#list li");
  if (item && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const next = event.key === "ArrowDown" ? item.nextElementSibling : item.previousElementSibling;
    if (next) next.firstElementChild.focus();
    event.preventDefault();
    return;
  }
  const wanted = { ArrowLeft: 'a[rel="prev"]', ArrowRight: 'a[rel="next"]', Escape: "a.back" }[event.key];
  const link = wanted && document.querySelector("#detail .bar-top " + wanted);
  if (!link || (event.key === "Escape" && !byId("results").classList.contains("reading"))) return;
  event.preventDefault();
  show(link);
}

// --- what is under way

function poll() {
  const old = document.querySelector("[data-poll]");
  if (!old) return;
  if (document.hidden || old.contains(document.activeElement) || old.querySelector("input:checked")) {
    setTimeout(poll, EVERY_MS);
    return;
  }
  fetchPage(old.dataset.poll || location.href, (page, status) => {
    const found = status === 200 && page.getElementById(old.id);
    if (found && old.id === "live" && !found.dataset.poll) { location.reload(); return; }
    if (found && old.isConnected && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(found));
    setTimeout(poll, EVERY_MS);
  }, () => setTimeout(poll, 5 * EVERY_MS));
}

document.addEventListener("click", clicked);
document.addEventListener("keydown", keys);
filters();
setTimeout(poll, EVERY_MS);
