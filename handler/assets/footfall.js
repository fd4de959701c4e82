// Counts the views of a page: <script defer data-site="example.com" src="https://HOST/footfall.js"></script>
// How to embed it, and what it sends, is in docs/embedding.md.
//
// What is served is footfall.min.js, which tests/browser/build-script makes of this file. It has 1,000 bytes at most: that is why
// everything is declared with one `let`, why long names of the browser get short ones, and why what only some sites need is
// in footfall-events.js.
//
// Whatever happens in here, the page must not notice: nothing is waited for, and nothing throws. For browsers of 2020 or newer.
{
  let page = document;
  let address = location;
  let script = page.currentScript;
  let options = script?.dataset;

  // The path that was counted last.
  let last;

  // A query may hold names and tokens: only the parameters that the site names are kept. The fragment is no part of the path,
  // except where a router makes it the path.
  let path = () => address.pathname
    + address.search.replace(/.([^=&]*)[^&]*/g, (pair, name) => options.query?.split(",").includes(name) ? pair : "").replace(/./, "?")
    + ("hash" in options ? address.hash : "");

  let parameter = name => new URLSearchParams(address.search).get(name);

  let send = (more, stored) => {
    try {
      stored = localStorage.footfall;
    } catch {} // A browser can refuse its storage. Then nobody can have objected in it.
    try {
      if (stored != "off") fetch(new URL(options.to || "v", script.src), {
        method: "POST",
        body: JSON.stringify({
          s: options.site,
          p: path(),
          z: Intl.DateTimeFormat().resolvedOptions().timeZone,
          // Small below 576, medium below 992, else large.
          w: "sm"[(innerWidth - 160) / 416 | 0] || "l",
          // The owner's own view, where 1 is stored.
          o: +stored,
          ...more,
        }, (_, value) => value || undefined), // What is empty is left out.
        // With a string, which is text/plain, and without reading the answer, the browser need not ask for permission before.
        mode: "no-cors",
        keepalive: 1,
        credentials: "omit",
        // Otherwise the rule of the page would send its whole address, or keep back which site this is.
        referrerPolicy: "origin",
      }).catch(view); // For want of something that does nothing: calling it again changes nothing.
    } catch {}
  };

  // Called on every occasion. Counts if somebody sees the page, and at another path than the one counted last: so hidden tabs
  // and prerendered pages wait, and a change of the history that does not change the path is none. (A prerendered page that
  // is opened becomes visible first; what it sends then is still marked as prerendered.)
  let view = event => {
    // "persisted": out of the back/forward cache, so seen again without having been loaded again.
    if (page.hidden || page.prerendering || last == path() && !event?.persisted) return;
    // How somebody has come belongs to the first view. Of the address that refers, only the origin leaves the browser.
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

  // A second copy of the script, or a router that runs it again with each page, would count everything twice. (What is no
  // function is not ours: <h2 id="footfall"> is found under this name, too.)
  if (script && !self.footfall?.call) {
    footfall = send; // of the window
    // Captured, because prerenderingchange does not come up to the window.
    ["visibilitychange", "prerenderingchange", "pageshow"].map(occasion => addEventListener(occasion, view, true));
    // Browsers before 2026 may lack the Navigation API. Looking at the address costs less than replacing the page's functions.
    if (self.NavigateEvent) navigation.addEventListener("currententrychange", view); else setInterval(view, 99);
    view();
  }
}
