// Counts page views and events: <script defer data-site="example.com" src="https://HOST/footfall.js"></script>
//   data-footfall-event="signup"  on an element counts an event on a click, also by keyboard or with the middle button
//   footfall("signup")            counts an event
//   data-track                    on the line loads footfall-track.js, which counts events of links, files and missing pages
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
  // Names of forms, frames and pictures hide the document's properties (<form name="hidden">), but not the prototype's.
  let property = name => Reflect.get(window.Document.prototype, name, document);
  let address = location;
  let script = property("currentScript");
  let options = script?.dataset;

  // The last path counted.
  let last;

  // The element of the last event, while the browser handles its click.
  let clicked;

  // A query can contain names and tokens: only parameters named by the site are kept. With data-hash, the path of a router in the
  // fragment is part of the path. Other fragments can be tokens (#access_token=…), also behind such a path.
  let path = () => (
    address.pathname + address.search + ("hash" in options ? address.hash.replace(/^(?!#!?\/).*|(?!^)#.*/, "") : "")
  ).replace(/\?[^#]*/g, query => query.replace(/.([^=&]*)[^&]*/g, (pair, name) =>
    name && options.query?.split(",").includes(name) ? pair : "").replace(/./, "?"));

  let parameter = name => new window.URL(address).searchParams.get(name);

  let send = (more, stored) => {
    try {
      stored = localStorage.footfall;
    } catch {} // Without storage there is no objection to respect.
    try {
      // A saved copy has the visitor's local path. In a sandboxed frame, an objection cannot be read.
      if (stored == "off" || !/^http/.test(address.protocol) || window.origin == "null") return;
      let target = new window.URL(options.to || "v", script.src);
      let body = JSON.stringify({
        s: options.site,
        p: path(),
        z: Intl.DateTimeFormat().resolvedOptions().timeZone,
        // Small below 576, medium below 992, else large.
        w: "sm"[(innerWidth - 160) / 416 | 0] || "l",
        // The owner's own view, if 1 is stored.
        o: +stored,
        ...more,
      }, (_, value) => value || undefined); // Empty values are omitted.
      let post = keepalive => window.fetch(target, {
        method: "POST",
        // A string is sent as text/plain. With no-cors, the browser sends it without a preflight.
        body,
        mode: "no-cors",
        keepalive,
        credentials: "omit",
        // The page's own policy could send its whole address, or hide its origin.
        referrerPolicy: "origin",
        // Browsers refuse keepalive while other requests use its 64 KiB. A page that the visitor leaves gets the same error although
        // the request is sent, but runs no more tasks.
      }).catch(() => keepalive && setTimeout(post));
      post(true);
    } catch {}
  };

  // Runs on every occasion. Counts a visible page whose path is not the last one counted. Hidden tabs and prerendered pages wait, and
  // a change of the history with the same path is no view.
  let view = event => {
    // "persisted": shown again from the back/forward cache, without loading.
    if (property("hidden") || property("prerendering") || last == path() && !event?.persisted) return;
    // Referrer and campaign belong to the first view. Only the origin of the referrer leaves the browser.
    send(!last && {
      r: property("referrer").split("/", 3).join("/"),
      c: {
        source: parameter("utm_source") || parameter("ref"),
        medium: parameter("utm_medium"),
        campaign: parameter("utm_campaign"),
      },
    });
    last = path();
  };

  // Captured, because prerenderingchange does not reach the window otherwise, and because the page may stop a click.
  let listen = (listener, ...occasions) => occasions.map(occasion => addEventListener(occasion, listener, true));

  let store = value => () => {
    try {
      localStorage.footfall = value;
      return true;
    } catch {}
  };

  // A second copy of the script, or a router that runs it again with each page, would count everything twice. A value that is not
  // a function belongs to the page: <h2 id="footfall"> has this name, too.
  if (script && typeof window.footfall != "function") {
    // Half of an emoji, left by a cut, is not valid in JSON.
    let footfall = window.footfall = name => (name = name?.replace?.(/\p{Cs}/gu, "")) && send({ e: name });
    footfall.off = store("off");
    footfall.own = store(1);
    footfall.on = store("");
    listen(view, "visibilitychange", "prerenderingchange", "pageshow");
    listen(event => {
      let name;
      // The path includes open shadow roots. A form can hide its methods: <input name="getAttribute">.
      let element = event.composedPath().find(node => {
        try {
          name = script.getAttribute.call(node, "data-footfall-event");
          return name != null;
        } catch {} // Windows, documents and shadow roots have no attributes.
      });
      // The right button opens a menu. A click on a label is repeated on its control, in the same task.
      if (event.button > 1 || element == clicked) return;
      clicked = element;
      setTimeout(() => clicked = 0);
      footfall(name);
    }, "click", "auxclick");
    try {
      // Older browsers lack the Navigation API, and the page can use its name. Then this line throws.
      window.navigation.currentEntry.id;
      window.navigation.addEventListener("currententrychange", view);
    } catch {
      // Polling the address is safer than replacing the page's functions.
      setInterval(view, 99);
    }
    view();
    // The module footfall-track.js has the address of this script, with a parameter that follows any other. If the module is blocked,
    // an error would reach the page.
    if (options.track) import(script.src + "?&track").catch(view);
  }
}
