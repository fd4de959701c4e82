// The page is whole without this script. It reads a chart out under the pointer keeps the numbers in words fresh, and
// has a range that ends before it begins refused by the browser.
for (const figure of document.querySelectorAll("figure")) {
  const [plot, line, mark, readout] = [".plot", "line", "rect", "span"].map(name => figure.querySelector(name));
  const rows = figure.querySelectorAll("tbody tr");
  plot.onpointermove = plot.onpointerdown = event => {
    const { left, width } = line.getBoundingClientRect();
    const index = Math.min(Math.max(Math.floor((event.clientX - left) / width * rows.length), 0), rows.length - 1);
    const [when, visitors, pageviews] = [...rows[index].cells].map(cell => cell.textContent);
    readout.textContent = `${when}: visitors ${visitors}, pageviews ${pageviews}`;
    mark.setAttribute("x", index - .5);
  };
  plot.onpointerleave = () => {
    readout.textContent = "";
    mark.setAttribute("x", -999);
  };
}
const [from, to] = document.querySelectorAll("[type=date]");
document.querySelector("button").onclick = () => to.min = from.value;
const json = document.querySelector("#json");
const time = document.querySelector("time");
// A page that says that it is old stays so until it is loaded again: its charts would not follow.
const timer = "stale" in json.dataset || setInterval(async () => {
  if (document.hidden) return;
  try {
    const reply = await fetch(json.href);
    // Whoever may not read the numbers will not be answered otherwise in a minute.
    if (reply.status === 401) clearInterval(timer);
    const numbers = await reply.json();
    if (!reply.ok || numbers.stale) return;
    const style = { dateStyle: "long", timeStyle: "short", timeZone: time.dataset.zone };
    const words = new Date(numbers.as_of).toLocaleString("en-GB", style);
    const { visitors, pageviews } = numbers;
    // A sum of days has no number in the answer: it stays until the page is loaded again.
    for (const total of document.querySelectorAll("[data-total]:not([data-sum])")) {
      const key = total.dataset.total;
      const values = [visitors[key]?.estimate ?? visitors[key], pageviews[key]];
      if (!values.every(Number.isFinite)) return;
      total.querySelectorAll("b").forEach((place, index) => place.textContent = values[index].toLocaleString("en"));
    }
    // After midnight "today" is another day than the one that is shown.
    const { range } = numbers;
    const isShown = range.from === from.defaultValue && range.to === to.defaultValue;
    for (const place of document.querySelectorAll("[data-range]")) {
      const value = range[place.dataset.range];
      if (isShown && Number.isFinite(value)) place.textContent = value.toLocaleString("en");
    }
    time.textContent = words;
    time.dateTime = numbers.as_of;
  } catch {
    // Offline, or not an answer of ours: the numbers stay as they are, with their time beside them.
  }
}, 60000);
