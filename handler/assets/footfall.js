// Counts page views and events: <script defer data-site="example.com" src="https://HOST/footfall.js"></script>
//   data-footfall-event="signup"  on an element counts an event on a click, also by keyboard
//   footfall("signup")            counts an event
//   footfall.off()                stops counting in this browser and site; returns true if the browser has stored that
//   footfall.own()                counts this browser's views as the owner's own, without a visitor
//   footfall.on()                 ends both
// docs/embedding.md explains how to embed the script and what it sends.
//
// Footfall serves footfall.min.js, which tests/browser/build-script builds from this file, with at most 1,000 bytes as gzip. Gzip
// compresses repetition well, so names are written out.
//
// The script must not disturb the page, so it does not wait and does not throw. The script supports browsers of 2020 and newer.
{
  let page = document;
  let address = location;
  let script = page.currentScript;
  let options = script?.dataset;

  // The last path counted.
  let last;

  // A query can contain names and tokens: only parameters named by the site are kept.
  let allowed = query => query.replace(/.([^=&]*)[^&]*/g, (pair, name) =>
    name && options.query?.split(",").includes(name) ? pair : "").replace(/./, "?");

  // With data-hash, the path of a router in the fragment is part of the path. Other fragments can be tokens, such as
  // #access_token=…, also behind a path.
  let path = () => address.pathname + allowed(address.search) + ("hash" in options
    ? address.hash.replace(/(#!?\/[^?#]*)?([^#]*).*/, (_, route, query) => route ? route + allowed(query) : "")
    : "");

  let parameter = name => new URLSearchParams(address.search).get(name);

  let send = (more, stored) => {
    try {
      stored = localStorage.footfall;
    } catch {} // Without storage there is no objection to respect.
    try {
      // A saved copy has the visitor's local path. In a sandboxed frame, an objection cannot be read.
      if (stored != "off" && /^http/.test(address.protocol) && window.origin != "null") fetch(new URL(options.to || "v", script.src), {
        method: "POST",
        body: JSON.stringify({
          s: options.site,
          p: path(),
          z: Intl.DateTimeFormat().resolvedOptions().timeZone,
          // Small below 576, medium below 992, else large.
          w: "sm"[(innerWidth - 160) / 416 | 0] || "l",
          // The owner's own view, if 1 is stored.
          o: +stored,
          ...more,
        }, (_, value) => value || undefined), // Empty values are omitted.
        // A string is sent as text/plain. With no-cors, the browser sends it without a preflight.
        mode: "no-cors",
        keepalive: 1,
        credentials: "omit",
        // The page's own policy could send its whole address, or hide its origin.
        referrerPolicy: "origin",
      }).catch(view); // `view` serves as a function without effect: the path has been counted.
    } catch {}
  };

  // Runs on every occasion. Counts a visible page whose path is not the last one counted. Hidden tabs and prerendered pages wait, and
  // a change of the history with the same path is no view.
  let view = event => {
    // "persisted": shown again from the back/forward cache, without loading.
    if (page.hidden || page.prerendering || last == path() && !event?.persisted) return;
    // Referrer and campaign belong to the first view. Only the origin of the referrer leaves the browser.
    send(!last && {
      r: page.referrer.split("/", 3).join("/"),
      c: {
        source: parameter("utm_source") || parameter("ref"),
        medium: parameter("utm_medium"),
        campaign: parameter("utm_campaign"),
      },
    });
    last = path();
  };

  let store = value => () => {
    try {
      localStorage.footfall = value;
      return true;
    } catch {}
  };

  // A second copy of the script, or a router that runs it again with each page, would count everything twice. A value that is not
  // a function belongs to the page: <h2 id="footfall"> has this name, too.
  if (script && !self.footfall?.call) {
    let footfall = self.footfall = name => name && send({ e: name });
    footfall.off = store("off");
    footfall.own = store(1);
    footfall.on = store("");
    // Captured, because prerenderingchange does not reach the window otherwise.
    ["visibilitychange", "prerenderingchange", "pageshow"].map(occasion => addEventListener(occasion, view, true));
    // Captured, because the page may stop a click.
    addEventListener("click", event => footfall(event.target.closest?.("[data-footfall-event]")?.dataset.footfallEvent), true);
    // Older browsers lack the Navigation API. Polling the address is safer than replacing the page's functions.
    if (self.NavigateEvent) navigation.addEventListener("currententrychange", view); else setInterval(view, 99);
    view();
  }
}
