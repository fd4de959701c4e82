"use strict";
// The page is whole without this script. It reads a chart out under the pointer and keeps the headline numbers fresh.
for (const figure of document.querySelectorAll("figure")) {
  const plot = figure.querySelector(".plot");
  const area = figure.querySelector("line");
  const mark = figure.querySelector(".mark");
  const readout = figure.querySelector(".readout");
  const rows = figure.querySelectorAll("tbody tr");
  plot.onpointermove = plot.onpointerdown = event => {
    const { left, width } = area.getBoundingClientRect();
    const index = Math.floor((event.clientX - left) / width * rows.length);
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    const [when, visitors, pageviews] = [...row.cells].map(cell => cell.textContent);
    readout.textContent = `${when}: visitors ${visitors}, pageviews ${pageviews}`;
    mark.setAttribute("x", row.sectionRowIndex * 10);
  };
  plot.onpointerleave = () => {
    readout.textContent = "";
    mark.setAttribute("x", -10);
  };
}
const json = document.getElementById("json");
const computed = document.getElementById("computed");
const refresh = async () => {
  if (document.hidden) return;
  try {
    const reply = await fetch(json.href);
    // Whoever may not read the numbers, or asks for a site that is gone, will not be answered better in a minute.
    if (reply.status >= 400 && reply.status < 500 && reply.status !== 429) clearInterval(timer);
    if (!reply.ok) return;
    const numbers = await reply.json();
    if (numbers.stale) return;
    const style = { dateStyle: "long", timeStyle: "short", timeZone: computed.dataset.zone };
    const words = new Date(numbers.as_of).toLocaleString("en-GB", style);
    for (const place of document.querySelectorAll("[data-n]")) {
      const value = place.dataset.n.split(".").reduce((part, name) => part[name], numbers);
      if (Number.isFinite(value)) place.textContent = value.toLocaleString("en");
    }
    computed.textContent = words;
    computed.dateTime = numbers.as_of;
  } catch {
    // Offline, or not an answer of ours: the numbers stay as they are, with their time beside them.
  }
};
// A page that says that it is old stays so until it is loaded again: its charts would not follow.
const timer = "stale" in json.dataset ? 0 : setInterval(refresh, 60000);
