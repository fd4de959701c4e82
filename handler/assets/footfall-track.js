// Events of links, files and missing pages. footfall.js imports this module for a line with data-track:
//   <script defer data-site="example.com" data-track="outbound downloads" src="https://HOST/footfall.js"></script>
//   outbound   a click on a link to another site counts the event "outbound HOST"
//   downloads  a click on a link to a file counts the event "download FILE"
//   not-found  the page counts the event "404 PATH" when it becomes visible
// docs/embedding.md describes the events. No query, fragment or path of another site leaves the browser.
//
// The module is served at the address of footfall.js, so it works under every name and behind every proxy. It counts through the
// function of footfall.js, so an objection applies. tests/browser/build-script builds footfall-track.min.js from this file.

// Names of forms, frames and pictures hide the document's properties, but not the prototype's.
const property = name => Reflect.get(window.Document.prototype, name, document);
const options = [...property("scripts")].find(({ dataset }) => dataset.track)?.dataset;
const words = options?.track.split(/\s+/) ?? [];
const site = options?.site?.replace(/^www\./, "");
// docs/embedding.md has the same list.
const EXTENSIONS = (
  "7z apk avi csv deb dmg doc docx epub exe gz ics iso jar m4a mov mp3 mp4 " +
  "msi odp ods odt ogg pdf pkg ppt pptx rar rpm rtf tar tgz txt wav webm wmv xls xlsx xz zip"
).split(" ");

const count = name => {
  // Another script can have replaced the function.
  try {
    window.footfall(name);
  } catch {}
};

// A path as people read it. Bytes that are not UTF-8 stay encoded.
const decoded = path => {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
};

// The name of the event of a click on this link, if there is one.
const eventOf = link => {
  // In pictures (SVG), links have another type.
  const address = link.href.baseVal ?? link.href;
  if (!address) return;
  const { protocol, hostname, pathname } = new window.URL(address, property("baseURI"));
  if (!/^http/.test(protocol)) return;
  // Signed links have their token in the query, and links to share have it in a folder, so only the file's name is sent.
  const file = pathname.replace(/.*\//, "");
  const isFile = link.hasAttribute("download") || EXTENSIONS.includes(file.match(/\.(\w+)$/)?.[1].toLowerCase());
  if (words.includes("downloads") && isFile) return `download ${decoded(file)}`;
  if (words.includes("outbound") && !`.${hostname}`.endsWith(`.${site}`)) return `outbound ${hostname}`;
};

// The link of the last click, while the browser handles the click.
let clicked;

// Captured, because the page may stop a click.
for (const occasion of ["click", "auxclick"]) {
  addEventListener(
    occasion,
    event => {
      try {
        const path = event.composedPath();
        const link = path.find(node => /^(a|area)$/.test(node.localName));
        const isNamed = node => node instanceof window.Element && link.hasAttribute.call(node, "data-footfall-event");
        // The right button opens a menu. A click on a label is repeated on its control. footfall.js counts elements with an event.
        if (event.button > 1 || !link || link == clicked || path.some(isNamed)) return;
        clicked = link;
        setTimeout(() => {
          clicked = 0;
        });
        const name = eventOf(link);
        if (name) count(name);
      } catch {} // The address of the link is not valid.
    },
    true,
  );
}

// A page in a background tab, or prerendered, counts when the visitor first sees it.
let waits = words.includes("not-found");
const missing = `404 ${decoded(location.pathname)}`;
const see = () => {
  if (!waits || property("hidden") || property("prerendering")) return;
  waits = false;
  count(missing);
};
for (const occasion of ["visibilitychange", "prerenderingchange"]) addEventListener(occasion, see, true);
see();
