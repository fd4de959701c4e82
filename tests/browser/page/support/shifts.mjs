// Layout shifts that the browser reports.

/** Notes each layout shift that the browser reports, except in elements that match `ignored`. */
export function noteShifts(ignored) {
  const shifts = [];
  const note = entries => {
    for (const { sources } of entries) {
      const elements = sources.map(({ node }) => (node?.closest ? node : node?.parentElement));
      shifts.push(
        ...elements.filter(element => !element?.closest(ignored)).map(element => element?.nodeName ?? "removed"),
      );
    }
  };
  const observer = new PerformanceObserver(list => note(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  globalThis.takeShifts = async () => {
    // The browser reports a shift at the end of its frame.
    for (let frame = 0; frame < 2; frame++) await new Promise(resolve => requestAnimationFrame(resolve));
    await new Promise(resolve => setTimeout(resolve));
    note(observer.takeRecords());
    return shifts;
  };
}
