// Choosing the object in the photo: a click, a dragged box, or a box moved with the keyboard.

import { $ } from "./dom.js";

const CLICK = 5;

/**
 * Watch the photo's canvas. `choose` is called with {point: {x, y}} or {box: {x, y, width, height}} in photo pixels,
 * or with {} when the choice is taken back. Returns {show(box)} to draw a box.
 */
export function listenForChoice(choose) {
  const canvas = $("photo");
  let start = null;
  let box = null;
  const scale = () => canvas.dataset.photoWidth / canvas.clientWidth;

  function show(next) {
    box = next;
    $("selection").hidden = !box;
    if (!box) return;
    const s = 1 / scale();
    Object.assign($("selection").style, {
      left: `${box.x * s}px`, top: `${box.y * s}px`, width: `${box.width * s}px`, height: `${box.height * s}px`,
    });
  }

  const at = (event) => {
    const bounds = canvas.getBoundingClientRect();
    const clamp = (value, limit) => Math.min(Math.max(value, 0), limit);
    return {
      x: clamp(event.clientX - bounds.left, bounds.width) * scale(),
      y: clamp(event.clientY - bounds.top, bounds.height) * scale(),
    };
  };
  const between = (a, b) => ({
    x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y),
  });

  canvas.addEventListener("pointerdown", (event) => {
    start = at(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (start && large(between(start, at(event)))) show(between(start, at(event)));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!start) return;
    const end = at(event);
    const dragged = between(start, end);
    start = null;
    if (large(dragged)) choose({ box: dragged });
    else choose({ point: end });
  });
  canvas.addEventListener("pointercancel", () => (start = null));
  const large = ({ width, height }) => Math.max(width, height) > CLICK * scale();

  canvas.addEventListener("keydown", (event) => {
    const width = Number(canvas.dataset.photoWidth);
    const height = Number(canvas.dataset.photoHeight);
    const step = Math.max(width, height) / 40;
    const side = 0.5 * Math.min(width, height);
    const current = box ?? { x: (width - side) / 2, y: (height - side) / 2, width: side, height: side };
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (dx || dy) {
      const next = { ...current };
      if (event.shiftKey) {
        next.width = Math.min(Math.max(current.width + dx * step, 4), width - current.x);
        next.height = Math.min(Math.max(current.height + dy * step, 4), height - current.y);
      } else {
        next.x = Math.min(Math.max(current.x + dx * step, 0), width - current.width);
        next.y = Math.min(Math.max(current.y + dy * step, 0), height - current.height);
      }
      show(next);
    } else if (event.key === "Enter" && box) choose({ box });
    else if (event.key === "Escape") choose({});
    else return;
    event.preventDefault();
  });
  return { show };
}
