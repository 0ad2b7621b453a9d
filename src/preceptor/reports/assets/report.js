// The explorer of examples. Whatever comes from the data becomes text nodes, never markup.
"use strict";

const PAGE = 50;
const LONG = 20000;
const state = { data: null, shown: [], pages: 1, open: null, answer: 0 };
const byId = (id) => document.getElementById(id);

// Narrow screens lay tables out as blocks, which would take their meaning from them without roles.
const ROLES = { table: "table", thead: "rowgroup", tbody: "rowgroup", tfoot: "rowgroup", tr: "row", td: "cell" };

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  if (ROLES[tag]) node.setAttribute("role", ROLES[tag]);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== ""));
  return node;
}

function key(mark) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  svg.setAttribute("class", "key mark-" + mark);
  svg.setAttribute("viewBox", "-8 -8 16 16");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", "#mark-" + mark);
  svg.append(use);
  return svg;
}

const signed = (number) => (number < 0 ? "−" : number > 0 ? "+" : "") + Math.abs(number);
const hundred = (share) => (100 * share).toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "−");
const words = (reason) => reason.replaceAll("_", " ");
const several = () => state.data.runs.length > 1;

// --- reading the data

async function read(island) {
  if (island.dataset.encoding === "json") return JSON.parse(island.textContent);
  const bytes = Uint8Array.from(atob(island.textContent), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function scoreOf(example, run) {
  const scores = example.answers
    .filter((answer) => answer.score != null && (run === "" || answer.run === Number(run)))
    .map((answer) => answer.score);
  return scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null;
}

function spread(example) {
  const means = state.data.runs.map((_, run) => scoreOf(example, run)).filter((mean) => mean != null);
  return means.length > 1 ? Math.max(...means) - Math.min(...means) : -1;
}

// The texts of an example in one lower-case string, made when it is first searched.
function haystack(example) {
  if (example.haystack === undefined) {
    const tags = state.data.tags;
    example.haystack = [
      example.id,
      ...example.tags.flatMap((tag) => tags[tag]),
      ...(example.messages || []).map((message) => message[1]),
      example.physician || "",
      ...example.criteria.flatMap((criterion) => [criterion.text || "", ...criterion.tags.map((tag) => tags[tag][1])]),
      ...example.answers.flatMap((answer) => [answer.text || "", ...(answer.steps || []).flatMap(([, parts]) => parts.map((each) => each[1] + " " + each[2]))]),
    ].join("\n").toLowerCase();
  }
  return example.haystack;
}

// --- the list

function chosen() {
  const number = (id) => (byId(id).value === "" ? null : Number(byId(id).value) / 100);
  return {
    text: byId("filter-text").value.trim().toLowerCase(),
    tag: byId("filter-tag").value,
    run: several() ? byId("filter-run").value : "",
    low: number("filter-low"),
    high: number("filter-high"),
    sort: byId("filter-sort").value,
    ungraded: byId("filter-ungraded").checked,
  };
}

function matches(example, want) {
  const score = scoreOf(example, want.run);
  if (want.tag !== "" && !example.allTags.has(Number(want.tag))) return false;
  if (want.ungraded && !example.answers.some((answer) => answer.reasons || answer.failure)) return false;
  if (want.low !== null && (score === null || score < want.low - 1e-9)) return false;
  if (want.high !== null && (score === null || score > want.high + 1e-9)) return false;
  return want.text === "" || haystack(example).includes(want.text);
}

function sorted(examples, want) {
  if (want.sort === "given") return examples;
  const rank = want.sort === "spread" ? spread : (example) => scoreOf(example, want.run);
  const sign = want.sort === "low" ? 1 : -1;
  const ranked = examples.map((example) => [example, rank(example)]);
  // What has no score comes last, whatever the order.
  ranked.sort((a, b) => (a[1] === null) - (b[1] === null) || sign * (a[1] - b[1]));
  return ranked.map((pair) => pair[0]);
}

function filter() {
  const want = chosen();
  state.shown = sorted(state.data.examples.filter((example) => matches(example, want)), want);
  state.pages = 1;
  byId("list").replaceChildren();
  append(0);
  const all = state.data.examples.length;
  byId("matches").textContent =
    state.shown.length === all ? `${all.toLocaleString("en")} examples` : `${state.shown.length.toLocaleString("en")} of ${all.toLocaleString("en")} examples`;
}

function append(from) {
  const run = chosen().run;
  const items = state.shown.slice(from, state.pages * PAGE).map((example) => el("li", {}, row(example, run)));
  byId("list").append(...items);
  const rest = state.shown.length - state.pages * PAGE;
  byId("more").hidden = rest <= 0;
  byId("more").textContent = `Show ${Math.min(PAGE, rest)} more of ${rest.toLocaleString("en")}`;
}

function row(example, run) {
  const score = scoreOf(example, run);
  const last = example.messages && example.messages[example.messages.length - 1];
  const missing = example.answers.some((answer) => answer.reasons || answer.failure);
  const about = [...example.tags.map((tag) => state.data.tags[tag][1])];
  if (missing) about.unshift("has ungraded");
  const start = last ? last[1].slice(0, 160) : example.id;
  return el(
    "button",
    { type: "button", "aria-current": example === state.open ? "true" : null, onclick: () => open(example, 0, true) },
    el("span", { class: last ? "start" : "start id", dir: "auto" }, start),
    el("span", { class: "score" }, score === null ? "–" : hundred(score)),
    el("span", { class: "aside" }, about.join(" · ")),
  );
}

// --- one example

function open(example, answer, focus) {
  state.open = example;
  state.answer = answer;
  const index = state.shown.indexOf(example);
  [...byId("list").querySelectorAll("button")].forEach((button, position) => {
    if (position === index) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
  byId("detail").replaceChildren(...detail(example, index).filter(Boolean));
  byId("explorer").classList.add("reading");
  if (focus) {
    byId("detail").focus({ preventScroll: true });
    byId("detail").scrollIntoView({ block: "start" });
  }
}

function close() {
  byId("explorer").classList.remove("reading");
  const current = byId("list").querySelector("[aria-current]");
  if (current) current.focus();
}

function detail(example, index) {
  const step = (by, label) =>
    el("button", { type: "button", disabled: !state.shown[index + by], onclick: () => open(state.shown[index + by], 0, true) }, label);
  const answer = example.answers[state.answer];
  return [
    el("div", { class: "bar-top" },
      el("button", { type: "button", class: "back", onclick: close }, "Back to the list"),
      step(-1, "Previous"), step(1, "Next"),
      el("span", { class: "aside" }, index < 0 ? "" : `${(index + 1).toLocaleString("en")} of ${state.shown.length.toLocaleString("en")}`)),
    el("h3", {}, el("bdi", {}, "Example " + example.id)),
    el("p", { class: "aside" }, example.tags.map((tag) => state.data.tags[tag][1]).join(" · ")),
    ...conversation(example),
    example.answers.length > 1 ? choices(example) : null,
    ...(answer ? response(example, answer) : []),
    ...physician(example),
    ...target(example),
    answer && example.criteria.length ? el("h4", {}, "Criteria") : null,
    answer && example.criteria.length ? verdicts(example, answer) : null,
  ];
}

function conversation(example) {
  if (!example.messages) return [];
  return [el("h4", {}, "Conversation"), ...example.messages.map((message) => turn(message[0], message))];
}

// A message: its parts where it has others than text.
function turn(role, [, text, parts]) {
  return el("div", { class: "turn" }, el("p", { class: "role" }, role), ...(parts ? parts.flatMap(part) : prose(text)));
}

// A long text is shown in parts: laying out megabytes at once would freeze the page.
function prose(text) {
  const node = el("p", { class: "prose", dir: "auto" }, text.slice(0, LONG));
  if (text.length <= LONG) return [node];
  let shown = LONG;
  const label = () => `Show more (${(text.length - shown).toLocaleString("en")} characters)`;
  const more = el("button", { type: "button", onclick: () => {
    node.append(text.slice(shown, shown + 5 * LONG));
    shown += 5 * LONG;
    if (shown >= text.length) more.remove();
    else more.textContent = label();
  } }, label());
  return [node, more];
}

function named(answer) {
  const repeated = state.open.answers.some((other) => other.run === answer.run && other !== answer);
  return state.data.runs[answer.run].name + (repeated ? `, repeat ${answer.repeat + 1}` : "");
}

function choices(example) {
  return el("div", {},
    el("h4", {}, "Answers"),
    el("div", { class: "choices", role: "group", "aria-label": "Answer shown" },
      ...example.answers.map((answer, index) =>
        el("button", {
          type: "button", "aria-pressed": String(index === state.answer),
          onclick: () => {
            open(example, index, false);
            byId("detail").querySelector('.choices [aria-pressed="true"]').focus();
          },
        }, key(answer.run + 1), el("bdi", {}, named(answer)), el("b", {}, answer.score == null ? "–" : hundred(answer.score))))));
}

function response(example, answer) {
  const title = example.answers.length > 1 ? named(answer) : "Answer of " + state.data.runs[answer.run].system;
  const facts = [];
  if (answer.score != null) facts.push("score " + hundred(answer.score));
  if (answer.bounds) facts.push(`score undecided, between ${hundred(answer.bounds[0])} and ${hundred(answer.bounds[1])}`);
  if (answer.length != null) facts.push(answer.length.toLocaleString("en") + " characters");
  if (answer.prediction != null) facts.push("read as " + answer.prediction.slice(0, 200));
  if (answer.finish) facts.push("finished by " + words(answer.finish));
  const failed = answer.failure && el("p", { class: "failure" },
    words(answer.failure) + (answer.detail ? ". " + answer.detail : ""));
  const body = answer.text == null || answer.failure ? [] : answer.text === "" ? [el("p", { class: "aside" }, "The answer is empty.")] : prose(answer.text);
  return [
    ...steps(answer),
    ...(answer.sent || []).map((message) => turn(message[0] + ", added to the conversation", message)),
    el("h4", {}, el("bdi", {}, title)),
    el("div", { class: `turn answer mark-${answer.run + 1}` }, el("p", { class: "role" }, facts.join(" · ")), failed || "", ...body),
    ...reasoning(answer),
  ];
}

function steps(answer) {
  if (!answer.steps) return [];
  const calls = answer.steps.flatMap(([, parts]) => parts).filter(([kind]) => kind === "call").length;
  const talk = answer.steps.some(([party]) => party === "patient");
  const size = [`${answer.steps.length} turns`, ...(calls ? [`${calls} tool call${calls === 1 ? "" : "s"}`] : [])];
  const label = `${talk ? "Talk with the patient" : "Transcript"} (${size.join(", ")})`;
  return [el("details", { class: "steps", open: talk }, el("summary", {}, label),
    ...answer.steps.map(([party, parts]) => turn(party, [party, "", parts])),
    answer.stop ? el("p", { class: "aside" }, "Ended by " + words(answer.stop)) : null,
    answer.state == null ? null : folded("Final state", answer.state))];
}

const FOLDED = { call: "Calls", result: "Result of", failure: "Error of", reasoning: "Reasoning" };

function part([kind, title, text, more]) {
  if (kind === "image" || kind === "file") return [media(title, text, more)];
  if (!FOLDED[kind]) return text ? prose(text) : [];
  const label = el("summary", {}, FOLDED[kind] + " ", el("bdi", {}, title));
  if (kind === "call" && !text) return [el("p", { class: "call" }, "Calls ", el("bdi", {}, title))];
  return [folded(label, text), ...(Array.isArray(more) ? more.flatMap(part) : [])];
}

function folded(label, text) {
  return el("details", { class: "part" }, label instanceof Node ? label : el("summary", {}, label), ...prose(text));
}

// An image is small until it is chosen; what is not in the page is named.
function media(title, about, hash) {
  const url = (state.data.images || {})[hash];
  const name = el("span", { class: "aside" }, el("bdi", {}, title), " (" + about + ")");
  if (!url) return el("p", { class: "media" }, name);
  const button = el("button", {
    type: "button", class: "thumb", "aria-expanded": "false", "aria-label": "Enlarge " + title,
    onclick: () => button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") === "false")),
  }, el("img", { src: url, alt: title }));
  return el("p", { class: "media" }, button, name);
}

function reasoning(answer) {
  if (!answer.reasoning) return [];
  const size = answer.reasoning.length.toLocaleString("en");
  return [el("details", {}, el("summary", {}, `Reasoning, not graded (${size} characters)`), el("div", { class: "turn" }, ...prose(answer.reasoning)))];
}

function physician(example) {
  if (example.physician == null) return [];
  const group = example.group ? ` (${example.group})` : "";
  return [el("details", {}, el("summary", {}, "Physician’s answer" + group), el("div", { class: "turn" }, ...prose(example.physician)))];
}

function target(example) {
  if (example.target == null) return [];
  return [el("details", { open: !example.criteria.length || null }, el("summary", {}, "What is right"), el("div", { class: "turn" }, ...prose(example.target)))];
}

// --- the verdicts of one answer

function verdict(points, met, reason) {
  if (met === "?") return ["unknown", "Ungraded", words(reason || "unknown")];
  const look = (met === "1") === points > 0 ? "good" : "bad";
  if (met === "1") return [look, "Met", points < 0 ? "undesirable, present" : null];
  return [look, "Not met", points < 0 ? "undesirable, absent" : null];
}

// What a judge of labels said: there are no points to earn.
function labels(example, answer) {
  const rows = example.criteria.map((criterion, index) => {
    const label = (answer.labels || {})[index];
    const reason = (answer.reasons || {})[index];
    const explanation = (answer.explanations || [])[index] || (answer.details || {})[index];
    return el("tr", {},
      el("td", { class: "nr" }, String(index + 1)),
      el("td", { class: "criterion" },
        ...(criterion.text ? prose(criterion.text.trim()) : []),
        el("p", { class: "aside" }, criterion.tags.map((tag) => state.data.tags[tag][1]).join(" · ")),
        explanation ? el("div", { class: "explanation" }, ...prose(explanation)) : null),
      el("td", { class: "verdict" }, el("span", { class: "pill " + (label == null ? "unknown" : "label") }, label == null ? "Ungraded" : label),
        label == null ? el("div", { class: "aside" }, words(reason || "unknown")) : null));
  });
  const head = [["nr", ""], ["criterion", "Criterion"], ["verdict", "Verdict"]];
  return el("table", { class: "verdicts" },
    el("thead", {}, el("tr", {}, ...head.map(([kind, label]) => el("th", { scope: "col", role: "columnheader", class: kind }, label || el("span", { class: "hidden" }, "Number"))))),
    el("tbody", {}, ...rows));
}

function verdicts(example, answer) {
  if (answer.labels) return labels(example, answer);
  let gained = 0;
  const attainable = example.criteria.reduce((sum, criterion) => sum + Math.max(0, criterion.points), 0);
  const rows = example.criteria.map((criterion, index) => {
    const met = answer.verdicts[index] || "?";
    const [look, label, remark] = verdict(criterion.points, met, (answer.reasons || {})[index]);
    const earned = met === "?" ? null : met === "1" ? criterion.points : 0;
    gained += earned || 0;
    const others = example.answers.length > 1 ? `met in ${example.answers.filter((other) => other.verdicts[index] === "1").length} of ${example.answers.length}` : "";
    const explanation = (answer.explanations || [])[index] || (answer.details || {})[index];
    return el("tr", {},
      el("td", { class: "nr" }, String(index + 1)),
      el("td", { class: "criterion" },
        ...(criterion.text ? prose(criterion.text.trim()) : []),
        el("p", { class: "aside" }, criterion.tags.map((tag) => state.data.tags[tag][1]).join(" · ")),
        explanation ? el("div", { class: "explanation" }, ...prose(explanation)) : null),
      el("td", { class: "points" }, signed(criterion.points)),
      el("td", { class: "verdict" }, el("span", { class: "pill " + look }, label), 
        ...[remark, others].filter(Boolean).map((text) => el("div", { class: "aside" }, text))),
      el("td", { class: "earned" }, earned === null ? "?" : signed(earned)));
  });
  const head = ["", "Criterion", "Points", "Verdict", "Earned"];
  const classes = ["nr", "criterion", "points", "verdict", "earned"];
  const total = `${signed(gained)} of ${attainable}`;
  return el("table", { class: "verdicts" },
    el("thead", {}, el("tr", {}, ...head.map((label, index) => el("th", { scope: "col", role: "columnheader", class: classes[index] }, label || el("span", { class: "hidden" }, "Number"))))),
    el("tbody", {}, ...rows),
    el("tfoot", {}, el("tr", {}, el("td", { class: "nr" }), el("th", { scope: "row", role: "rowheader", class: "criterion" }, "Points earned of those attainable"), el("td", { class: "earned", colspan: "3" }, total))));
}

// --- start

function fillTags() {
  const groups = new Map();
  const counts = new Map();
  state.data.examples.forEach((example) => {
    example.allTags = new Set([...example.tags, ...example.criteria.flatMap((criterion) => criterion.tags)]);
    example.allTags.forEach((tag) => counts.set(tag, (counts.get(tag) || 0) + 1));
  });
  state.data.tags.forEach(([, label, group], index) => {
    if (!groups.has(group)) groups.set(group, el("optgroup", { label: group }));
    groups.get(group).append(el("option", { value: String(index) }, `${label} (${counts.get(index)})`));
  });
  byId("filter-tag").append(...groups.values());
  if (several()) byId("filter-run").append(...state.data.runs.map((run, index) => el("option", { value: String(index) }, run.name)));
}

function keys(event) {
  if (event.key === "Escape" && state.open && byId("detail").contains(document.activeElement)) close();
  const item = document.activeElement.closest && document.activeElement.closest("#list li");
  if (!item || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const next = event.key === "ArrowDown" ? item.nextElementSibling : item.previousElementSibling;
  if (next) next.firstElementChild.focus();
  event.preventDefault();
}

// Each picture is in the page once: its file is the picture itself.
function files() {
  document.querySelectorAll("a[data-picture]").forEach((link) => {
    link.href = link.closest("figure").querySelector("img").src;
    link.download = link.dataset.picture;
    link.hidden = false;
  });
}

async function start() {
  const note = byId("explorer-state");
  try {
    state.data = await read(byId("data"));
  } catch (error) {
    note.textContent = "The examples cannot be shown: this browser is too old to unpack them, or the file is damaged.";
    return;
  }
  byId("data").remove();
  fillTags();
  const form = document.querySelector(".filters");
  let waiting = 0;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); };
  form.addEventListener("input", later);
  form.addEventListener("reset", later);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", () => {
    const from = state.pages * PAGE;
    state.pages += 1;
    append(from);
    byId("list").children[from].firstElementChild.focus();
  });
  byId("explorer").addEventListener("keydown", keys);
  filter();
  byId("explorer").hidden = false;
  if (state.shown.length && matchMedia("(min-width: 60.01rem)").matches) open(state.shown[0], 0, false);
}

// Paper cannot be unfolded.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("#breakdown details:not([open]), #comparison .part > details:not([open]), #missed .part > details:not([open])")];
  unfolded.forEach((node) => { node.open = true; });
});
addEventListener("afterprint", () => unfolded.forEach((node) => { node.open = false; }));

files();
start();
