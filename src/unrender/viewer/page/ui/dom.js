/** The element with an id. */
export const $ = (id) => document.getElementById(id);

/** Size in CSS pixels with which a picture fits a square element. */
export function fitted(element, width, height) {
  const room = Math.min(element.clientWidth, element.clientHeight) || 480;
  const scale = room / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
