// The refine button: more seconds for the same photo, with progress, and a way to stop.

import { $ } from "./dom.js";
import { complain, say } from "./messages.js";

/**
 * Connect the button. `start(report, signal)` does the work and gives a result or null; `done(result, start)` shows it.
 */
export function listenForRefinement(start, done) {
  let running = null;
  $("refine").addEventListener("click", async () => {
    if (running) return running.abort();
    running = new AbortController();
    const begun = performance.now();
    const bar = $("refine-progress");
    $("refine").textContent = "Stop";
    Object.assign(bar, { hidden: false, value: 0 });
    say("Refining ...");
    try {
      const result = await start(({ share, iou }) => {
        bar.value = share;
        bar.textContent = `${Math.round(100 * share)} %`;
        $("refine-detail").textContent = `outline agrees to ${(100 * iou).toFixed(1)} %`;
      }, running.signal);
      if (result) await done(result, begun);
    } catch (error) {
      if (error.name === "AbortError") say("Stopped; this is the mesh from before.");
      else complain(error.message);
    } finally {
      running = null;
      bar.hidden = true;
      $("refine").textContent = "Refine";
    }
  });
}
