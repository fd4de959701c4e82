/* global texts -- the texts of the page's language, before this script in the file that browsers get */
// The page works without this script. The script adds:
// - the value of a chart under the pointer or by the arrow keys, the dates of a bar by a click or Enter, and the chart of the year;
// - updates of the page, the overview and the last 30 minutes;
// - names of countries and languages;
// - the lists of another tab, without loading the whole page again;
// - names of sites while the reader types a part of one;
// - shortcuts of the keyboard, which "?" lists;
// - the browser's message for a range that ends before it begins.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = selector => document.querySelector(selector);
const json = one("#json");
const { lang } = document.documentElement;
const number = value => value.toLocaleString(lang);
const withCount = (text, count) => text.replace("{count}", number(count));
const kept = [...new URLSearchParams(location.search)].filter(([name, value]) => ["share", "lang"].includes(name) && value);
const share = Object.fromEntries(kept).share;
// Adapts a page to the reader.
const adapt = part => {
  for (const place of all("[data-names] bdi:not(.word), bdi[data-names]", part)) {
    const { names } = place.closest("[data-names]").dataset;
    try {
      place.textContent = new Intl.DisplayNames(lang, { type: names }).of(place.dataset.code ?? place.textContent);
    } catch {
      // An invalid code stays unchanged.
    }
  }
  // Links keep the access of a shared link, and the language of the address.
  for (const [name, value] of kept) {
    for (const link of all("a[href*='site='], a[href^='/api/sites']", part)) link.search += `${link.search ? "&" : "?"}${name}=${encodeURIComponent(value)}`;
    for (const form of all("form:not([method])", part)) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
};
adapt(document);
// On a phone the ranges scroll in one line.
for (const link of all("nav [aria-current]")) {
  const { parentElement: line, offsetLeft, offsetWidth } = link;
  line.scrollLeft = offsetLeft + offsetWidth / 2 - line.offsetLeft - line.clientWidth / 2;
}
// The browser shows a part of a link that gets the focus there. Show all of it.
document.addEventListener("focusin", ({ target }) => target.matches("nav a") && target.scrollIntoView({ block: "nearest", inline: "nearest" }));
// The address of this page for other days.
const daysOf = (from, to = from) => {
  const url = new URL(location.href);
  for (const name of ["period", "by", "offset"]) url.searchParams.delete(name);
  url.searchParams.set("from", from);
  url.searchParams.set("to", to);
  url.hash = "";
  return url;
};
// The readout of a chart, drawn again after an update.
let readAgain = () => {};
for (const figure of all("figure")) {
  const [plot, line, mark, readout] = [".plot", "line", "rect", "span"].map(name => figure.querySelector(name));
  const rows = () => all("tbody tr", figure);
  let at = rows().length;
  const show = index => {
    const names = all("thead th", figure).slice(1).map(cell => cell.textContent);
    at = Math.min(Math.max(index, 0), rows().length - 1);
    const [when, ...counts] = [...rows()[at].cells].map(({ textContent, title }) => (title ? `${textContent} (${title})` : textContent));
    const words = counts.map((count, index) => count && `${names[index]} ${count}`);
    readout.textContent = `${when}: ${words.filter(Boolean).join(", ")}`;
    mark.setAttribute("x", at - .5);
  };
  readAgain = () => readout.textContent && show(at);
  // The first tap of a finger shows the value of a bar, the second tap opens its dates.
  let isChosen;
  plot.onpointermove = plot.onpointerdown = event => {
    const before = readout.textContent ? at : -1;
    const { left, width } = line.getBoundingClientRect();
    show(Math.floor((event.clientX - left) / width * rows().length));
    if (event.type === "pointerdown") isChosen = event.pointerType === "mouse" || before === at;
  };
  // In a frame, a page has no other ranges.
  const opens = () => figure.querySelector("[data-days]") && !document.body.matches(".embedded");
  const openDays = () => opens() && location.assign(daysOf(...rows()[at].dataset.days.split("/")));
  plot.onclick = () => isChosen && openDays();
  const clear = () => {
    readout.textContent = "";
    mark.setAttribute("x", -999);
  };
  plot.onblur = clear;
  // A finger leaves when it lifts: its readout stays until the next tap.
  plot.onpointerleave = event => event.pointerType === "mouse" && clear();
  plot.tabIndex = 0;
  if (opens()) plot.ariaDescription = texts.enter;
  plot.onkeydown = event => {
    if (event.key === "Enter" && readout.textContent) return openDays();
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    // Only with the keyboard, because with the pointer a screen reader would read without a pause.
    readout.removeAttribute("aria-hidden");
    readout.ariaLive = "polite";
    show(at + step);
  };
}
// Makes an element equal to that of a newer page. Elements stay, so that the focus, the scroll position and open details stay.
const isOwn = element => element.matches("figcaption span, rect, #live, #year, #keys, .waiting");
const update = (old, now) => {
  if (old.isEqualNode(now)) return;
  if (old.nodeName !== now.nodeName) return old.replaceWith(now);
  if (old.nodeType !== Node.ELEMENT_NODE) return old.data = now.data;
  if (isOwn(old) && isOwn(now)) return;
  const names = [old, now].flatMap(({ attributes }) => [...attributes].map(({ name }) => name));
  for (const name of names.filter(name => !["open", "tabindex", "aria-description"].includes(name) && old.getAttribute(name) !== now.getAttribute(name))) {
    if (now.hasAttribute(name)) old.setAttribute(name, now.getAttribute(name));
    else old.removeAttribute(name);
  }
  const [before, after] = [[...old.childNodes], [...now.childNodes]];
  after.forEach((node, index) => index < before.length ? update(before[index], node) : old.append(node));
  for (const node of before.slice(after.length)) node.remove();
};
// Loads an address of this page, and shows it in place of the present one, so that all parts are of one reading. The answer to an
// earlier request than the last one is not shown. Returns the status.
let last;
const load = async address => {
  const mine = last = {};
  // The overview has the address of an API.
  const reply = await fetch(address, { headers: { accept: "text/html" } });
  const text = await reply.text();
  if (reply.ok && mine === last) {
    const page = new DOMParser().parseFromString(text, "text/html");
    // The second visitor of the own page has come, and the page has other parts.
    if (waiting && !page.querySelector(".waiting")) return location.reload();
    adapt(page);
    const { href } = document.activeElement;
    for (const part of ["title", "main", "footer"]) update(one(part), page.querySelector(part));
    // The focus follows a row that has another place now.
    if (href !== document.activeElement.href) all("a").find(link => link.href === href)?.focus({ preventScroll: true });
    readAgain();
  }
  return reply.status;
};
// A tab shows the lists of the page that its link opens.
let opening;
document.addEventListener("click", async event => {
  const tab = event.target.closest(".tabs a");
  if (!tab || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  opening = tab.href;
  one(".lists").ariaBusy = "true";
  const { href } = tab;
  let status;
  try {
    status = await load(href);
  } catch {
    // Offline: the browser shows its own page.
  }
  if (opening !== href) return;
  opening = null;
  if (status !== 200) return location.assign(href);
  history.replaceState(null, "", href);
});
const [from, to] = all("[type=date]");
if (from) from.form.querySelector("button").onclick = () => to.min = from.value;
const found = one("#found");
if (found) {
  const search = found.previousElementSibling;
  let wanted = "";
  search.oninput = async () => {
    // A choice from the list is a whole name.
    if (all("option", found).some(({ value }) => value === search.value)) return location.assign(`/?site=${encodeURIComponent(search.value)}`);
    wanted = search.value;
    try {
      const reply = await fetch(`/api/sites?limit=20&q=${encodeURIComponent(wanted)}`);
      const { sites } = await reply.json();
      if (wanted === search.value) found.replaceChildren(...sites.map(({ site }) => new Option(site, site)));
    } catch {
      // Offline or without access: the form still opens the list.
    }
  };
}
const year = one("#year");
year?.addEventListener("toggle", async () => {
  const link = year.querySelector("a");
  const reply = await fetch(`${link.href.replace("/?", "/api/statistics?")}&lists=none`);
  if (!reply.ok) return;
  const days = (await reply.json()).series.map(({ start, visitors }) => ({ day: new Date(start.slice(0, 10)), visitors }));
  // Classes of as many days each, so that one spike does not make all other days pale. A bound is the largest number of a class.
  const sorted = days.map(({ visitors }) => visitors).filter(Boolean).sort((one, other) => one - other);
  const bounds = sorted.length ? [...new Set([1, 2, 3, 4].map(quarter => sorted[Math.ceil(sorted.length * quarter / 4) - 1]))] : [];
  const level = visitors => visitors && 5 - bounds.length + bounds.findIndex(bound => visitors <= bound);
  const words = day => day.toLocaleDateString(texts.dates, { dateStyle: "full", timeZone: "UTC" });
  const address = day => daysOf(day.toISOString().slice(0, 10));
  const draw = (parent, name, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return parent.appendChild(element);
  };
  // For the pointer only: the day of the highest number and the table are links for the keyboard.
  const line = document.createElement("p");
  const map = draw(line, "svg", { class: "year", viewBox: "0 0 672 104", "aria-hidden": true });
  [0, 2, 4, 6].forEach(day => {
    const name = new Date(Date.UTC(2024, 0, 1 + day)).toLocaleDateString(texts.dates, { weekday: "short", timeZone: "UTC" });
    draw(map, "text", { x: 0, y: 29 + 12 * day }, name);
  });
  const monday = (days[0].day.getUTCDay() + 6) % 7;
  days.forEach(({ day, visitors }, index) => {
    const [x, y] = [30 + Math.floor((index + monday) / 7) * 12, (index + monday) % 7 * 12 + 20];
    if (day.getUTCDate() === 1) draw(map, "text", { x, y: 12 }, day.toLocaleDateString(texts.dates, { month: "short", timeZone: "UTC" }));
    const cell = draw(draw(map, "a", { href: address(day), tabindex: -1 }), "rect", { x, y, width: 10, height: 10, rx: 2, class: `l${level(visitors)}` });
    draw(cell, "title", {}, `${words(day)}: ${number(visitors)}`);
  });
  const key = Object.assign(document.createElement("p"), { className: "note key" });
  key.append(texts.visitors_a_day);
  [0, ...bounds].forEach((bound, index, all) => {
    const least = index && all[index - 1] + 1;
    const item = key.appendChild(document.createElement("span"));
    draw(draw(item, "svg", { class: "year", viewBox: "0 0 10 10", "aria-hidden": true }), "rect", { width: 10, height: 10, rx: 2, class: `l${level(bound)}` });
    item.append(least === bound ? ` ${number(bound)}` : ` ${number(least)}–${number(bound)}`);
  });
  const best = days.find(({ visitors }) => visitors > 0 && visitors === sorted.at(-1));
  if (best) {
    const day = Object.assign(document.createElement("a"), { href: address(best.day), textContent: words(best.day) });
    const item = key.appendChild(document.createElement("span"));
    item.append(texts.highest, day);
  }
  year.firstElementChild.after(line, key);
}, { once: true });
const live = one("#live");
if (live) {
  const [sum, bars, spoken] = ["b", "svg", "p"].map(name => live.querySelector(name));
  let heard;
  const look = async () => {
    if (document.hidden) return;
    try {
      const reply = await fetch(live.dataset.href + (share ? `&share=${share}` : ""));
      if (reply.status === 401) clearInterval(watch);
      if (!reply.ok) return;
      const { minutes, pageviews } = await reply.json();
      const most = Math.max(...minutes.map(minute => minute.pageviews));
      sum.textContent = number(pageviews);
      bars.ariaLabel = withCount(texts.live_bars, most);
      const bar = (minute, index) => minute.pageviews && `M${index}.5 24v-${Math.ceil(minute.pageviews / most * 24)}`;
      bars.firstElementChild.setAttribute("d", minutes.map(bar).filter(Boolean).join(""));
      // A screen reader reads changes at most once a minute.
      const { start } = minutes.at(-1);
      if (heard && heard !== start) spoken.textContent = withCount(texts.live_sum, pageviews);
      heard = start;
    } catch {
      // Offline: the numbers stay unchanged.
    }
  };
  bars.role = "img";
  live.hidden = false;
  const watch = setInterval(look, 10000);
  document.addEventListener("visibilitychange", look);
  look();
}
const keys = one("#keys");
if (keys) {
  const OFF = "footfall.no-shortcuts";
  const places = () => all("[aria-keyshortcuts]");
  const button = keys.querySelector("button");
  const spelled = { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };
  const dialog = document.body.appendChild(document.createElement("dialog"));
  const list = document.createElement("dl");
  const close = Object.assign(document.createElement("button"), { textContent: texts.close, onclick: () => dialog.close() });
  const isOn = Object.assign(document.createElement("input"), { type: "checkbox" });
  const label = document.createElement("label");
  label.append(isOn, ` ${texts.use_shortcuts}`);
  dialog.append(Object.assign(document.createElement("h2"), { textContent: button.textContent }), list, label, close);
  dialog.ariaLabel = button.textContent;
  // A browser can forbid storage. Then the choice is for this page only.
  try {
    isOn.checked = !localStorage.getItem(OFF);
  } catch {
    isOn.checked = true;
  }
  isOn.onchange = () => {
    try {
      if (isOn.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    } catch {
      // See above.
    }
  };
  const explain = () => {
    const rows = places().map(place => [place.getAttribute("aria-keyshortcuts"), place.ariaLabel ?? place.textContent]);
    list.replaceChildren(...[...rows, ["?", texts.this_list]].map(([key, text]) => {
      const row = document.createElement("div");
      row.append(Object.assign(document.createElement("dt"), { textContent: text }), document.createElement("dd"));
      row.lastChild.append(Object.assign(document.createElement("kbd"), { textContent: spelled[key] ?? key }));
      return row;
    }));
    dialog.showModal();
  };
  button.onclick = explain;
  keys.hidden = false;
  document.addEventListener("keydown", event => {
    const isTyping = event.target.closest("input, select, textarea, dialog");
    if (!isOn.checked || isTyping || event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "?") return explain();
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    const place = places().find(place => place.getAttribute("aria-keyshortcuts") === key);
    if (!place) return;
    event.preventDefault();
    place.click();
    if (place.localName === "summary") from.focus();
  });
}
const waiting = one(".waiting");
const first = waiting?.querySelector("h2 span");
const copy = waiting?.querySelector("button");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.onclick = async () => {
    await navigator.clipboard.writeText(one("pre").textContent);
    copy.textContent = texts.copied;
  };
}
// Until the first visit, only its arrival is of interest.
const ask = async () => {
  const reply = await fetch(`${json.href}&lists=none`);
  const { stale, visitors, pageviews } = await reply.json();
  if (!reply.ok || stale || pageviews.all_time === 0) return reply.status;
  const link = Object.assign(document.createElement("a"), { href: location.href, textContent: texts.show });
  first.textContent = withCount(texts.first_visit, visitors.today ?? 0);
  waiting.querySelector("p").replaceChildren(link);
  clearInterval(timer);
};
const renew = async () => {
  if (document.hidden || opening) return;
  try {
    const status = await (first ? ask() : load(location.href));
    // Without access, another request after a minute would fail, too.
    if (status === 401) clearInterval(timer);
  } catch {
    // Offline, or an unexpected response: the page stays unchanged.
  }
};
// A page with stale numbers is not updated, so that its warning stays.
const overview = one("#overview");
const timer = (overview || (json && !("stale" in json.dataset))) && setInterval(renew, overview ? 10000 : first ? 3000 : 60000);
if (overview) document.addEventListener("visibilitychange", renew);
