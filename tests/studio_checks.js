// Run in a page by studio_checks.py.
const CHECKS = {
  // Names, headings, landmarks, ids, contrast by computed colours, targets, and reflow.
  faults: () => {
    const found = [];
    const shown = (e) => e.checkVisibility({ visibilityProperty: true });
    const say = (what, e) => found.push(e ? `${what}: ${e.outerHTML.slice(0, 100)}` : what);
    const all = (what) => [...document.querySelectorAll(what)].filter(shown);
    if (!document.documentElement.lang) say("no language");
    if (!document.title.trim()) say("no title");
    for (const [what, least, most] of [["h1", 1, 1], ["main", 1, 1], ["header", 1, 1]]) {
      const n = all(what).length;
      if (n < least || n > most) say(`${n} ${what}`);
    }
    let level = 0;
    for (const e of all("h1, h2, h3, h4")) {
      const at = Number(e.tagName[1]);
      if (at > level + 1) say(`heading leaves out a level`, e);
      if (!e.textContent.trim()) say("empty heading", e);
      level = at;
    }
    const ids = new Set();
    for (const e of document.querySelectorAll("[id]")) { if (ids.has(e.id)) say("id twice", e); ids.add(e.id); }
    for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
      for (const name of ["aria-describedby", "aria-labelledby"])
        for (const id of (e.getAttribute(name) || "").split(/\s+/).filter(Boolean))
          if (!ids.has(id)) say(`${name} leads nowhere`, e);
    for (const e of all("input:not([type=hidden]), select, textarea"))
      if (![...(e.labels || [])].some((l) => l.textContent.trim()) && !e.ariaLabel) say("no label", e);
    for (const e of all("a, button, summary")) if (!(e.ariaLabel || e.textContent).trim()) say("no name", e);
    for (const e of all("[tabindex]")) if (e.tabIndex > 0) say("tab order", e);
    for (const e of all("a[href], button, summary, select, input:not([type=hidden]), textarea")) {
      const { width, height } = (e.closest("label") || e).getBoundingClientRect();
      const inline = e.tagName === "A" && getComputedStyle(e).display === "inline";
      if (!inline && !e.matches(".skip") && (width < 24 || height < 24)) say(`target of ${width} by ${height}`, e);
    }
    const rgb = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (c) => {
      const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (e) => {
      for (; e; e = e.parentElement) {
        const c = rgb(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] === 1) return c.slice(0, 3);
      }
      return [255, 255, 255];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const e = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !shown(e) || e.closest(".hidden, :disabled, .skip, script")) continue;
      const style = getComputedStyle(e), size = parseFloat(style.fontSize);
      const [a, b] = [light(rgb(style.color).slice(0, 3)), light(ground(e))].sort((x, y) => y - x);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < (large ? 3 : 4.5)) say(`contrast of ${ratio.toFixed(2)}`, e);
    }
    const wide = document.documentElement.scrollWidth;
    if (wide > innerWidth) say(`${wide} wide in a window of ${innerWidth}`);
    return found;
  },

  // Where the focus is: whether it shows, and whether anything lies over it (WCAG 2.4.7, 2.4.11).
  focus: () => {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const own = e.getBoundingClientRect(), style = getComputedStyle(e);
    const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const left = Math.max(own.left, 0), right = Math.min(own.right, innerWidth);
    const top = Math.max(own.top, 0), bottom = Math.min(own.bottom, innerHeight);
    let seen = 0, of = 0;
    for (const x of [0.1, 0.5, 0.9]) for (const y of [0.1, 0.5, 0.9]) {
      if (right <= left || bottom <= top) continue;
      const at = document.elementFromPoint(left + (right - left) * x, top + (bottom - top) * y);
      of += 1;
      if (at && (e.contains(at) || at.contains(e) && !at.matches(".saving, dialog"))) seen += 1;
    }
    e.dataset.stop = (window.stops = (window.stops || 0) + 1);
    return { ringed, seen: of > 0 && seen > 0, html: e.outerHTML.slice(0, 100) };
  },
};
