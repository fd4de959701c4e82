// What only some sites need, after footfall.js: <script defer src="https://HOST/footfall-events.js"></script>
//   data-footfall-event="signup" on an element counts an event when it is clicked, also with the keyboard
//   footfall("signup")           counts an event
//   footfall.off()               nothing is sent from this browser and site any more; true if the browser has stored that
//   footfall.own()               is sent, but as the owner's own, who is no visitor
//   footfall.on()                takes both back
// What is served is footfall-events.min.js, which tests/browser/build-script makes of this file. It has 400 bytes at most.
{
  let send = self.footfall;
  // Without footfall.js there is nothing to do; and after a first copy there is nothing left to do.
  if (send?.call && !send.off) {
    let store = value => () => {
      try {
        localStorage.footfall = value;
        return true;
      } catch {}
    };
    let footfall = self.footfall = name => name && send({ e: name });
    footfall.off = store("off");
    footfall.own = store(1);
    footfall.on = store("");
    // Captured, because the page may keep a click to itself.
    addEventListener("click", event => footfall(event.target.closest?.("[data-footfall-event]")?.dataset.footfallEvent), true);
  }
}
