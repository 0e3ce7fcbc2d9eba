// From a click in the photo to a box round what was clicked on.

import { cropSquare } from "./crop.js";
import { maskExtent, partNear } from "./region.js";

const REACH = 0.08;

/**
 * The box {x, y, width, height} in photo pixels of the mask's part at or near the point (x, y); where the network
 * sees nothing there, a box of half the shorter side round the point.
 */
export async function boxAt(network, picture, imageSize, x, y) {
  const side = Math.max(picture.width, picture.height);
  const [left, top] = [(picture.width - side) / 2, (picture.height - side) / 2];
  const { mask, maskSize } = await network.mask(cropSquare(picture, left, top, side, imageSize));
  const scale = side / maskSize;
  const part = partNear(mask, maskSize, maskSize, (x - left) / scale, (y - top) / scale, REACH * maskSize);
  if (part) {
    const [l, t, r, b] = maskExtent(part, maskSize, maskSize, 0.004);
    if (r - l >= 2 && b - t >= 2) {
      return { x: left + l * scale, y: top + t * scale, width: (r - l) * scale, height: (b - t) * scale };
    }
  }
  const half = 0.25 * Math.min(picture.width, picture.height);
  return { x: x - half, y: y - half, width: 2 * half, height: 2 * half };
}
