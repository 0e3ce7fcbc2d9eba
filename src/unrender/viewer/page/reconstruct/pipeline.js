// The way from a photo to a textured mesh: crop, network, loop, texture, GLB. The same steps as `unrender.reconstruct`.

import { encodePng } from "../mesh/image_file.js";
import { writeGlb } from "../mesh/glb_write.js";
import { vertexNormals } from "../mesh/normals.js";
import { correct, makeLoop, poseVertices } from "./loop.js";
import { align } from "./alignment.js";
import { bake } from "./bake.js";
import { cameraToJson, cropCamera, focalLength, toClip, wholeCamera } from "./camera.js";
import { boxAt } from "./choose.js";
import { cropSquare } from "./crop.js";
import { PhotoError } from "./errors.js";
import { balanced, toLinear } from "./light.js";
import { place, rotate } from "./placement.js";
import { surfacePoints, visibleFaces } from "./rasterize.js";
import { lookTwice } from "./looks.js";
import { guidedMask } from "./guided.js";
import { NO_OBJECT, cropRound, mainObject, maskExtent, squareRound } from "./region.js";
import { resize } from "./resample.js";
import { confidence, likeliest, settle, shapeVertices } from "./shape.js";

const BAKE_SIZE = 256;
const DEPTH_SIZE = 128;
const TEXTURE_SIZE = 512;
const MASK_SIZE = 64;

/**
 * Reconstruct one photo. `assets` from `loadAssets`; `photo` from `pixelsOf`; options: box {x, y, width, height} or
 * point {x, y} in photo pixels, appearance "albedo" or "photo", category, loop (false: the network's guess, placed by
 * the mask). Returns {glb, record}.
 */
export async function reconstruct(assets, photo, options = {}) {
  const clock = stopwatch();
  const { picture, alpha } = photo;
  check(picture, alpha);
  const size = assets.card.image_size;
  const mask = alpha && maskOf(alpha);
  const crop = await chooseCrop(assets, picture, mask, options);
  clock.lap("crop");
  const close = cropSquare(picture, crop.x, crop.y, crop.side, BAKE_SIZE);
  const guess = await lookTwice(assets, cropSquare(picture, crop.x, crop.y, crop.side, size));
  clock.lap("network");
  const { coarse, fine } = masks(guess, mask, picture, crop, close);

  const category = options.category ?? likeliest(assets.card, guess);
  const number = assets.card.shape_categories.indexOf(category);
  if (number < 0) throw new PhotoError(`This model knows ${assets.card.shape_categories.join(", ")}, not ${category}.`);
  const coefficients = settle(assets.spaces, category, guess.coefficients[number]);
  const { rotation, translation, vertices } =
    (options.loop ?? true) && (assets.card.loop ?? true)
      ? corrected(makeLoop(assets, category, Boolean(mask)), coarse, guess, coefficients)
      : guessed(assets, category, coarse, guess, coefficients);
  const shape = { vertices: Float32Array.from(vertices), faces: assets.template.faces };
  const camera = cropCamera(BAKE_SIZE, rotation, translation);
  clock.lap("loop");

  const lit = options.appearance === "photo";
  const { texture, light } = bake({
    shape, camera, atlas: assets.atlas, crop: close, mask: fine, depth: depthOf(camera, shape),
    predicted: enlargeTexture(guess), light: balanced(guess.light), lit,
  });
  clock.lap("texture");
  const glb = await meshFile(assets.template, shape, texture, lit);
  clock.lap("export");
  const record = {
    schema: 1,
    image: { path: null, width: picture.width, height: picture.height },
    crop: [crop.x, crop.y, crop.side],
    category,
    confidence: confidence(assets.card, guess, category),
    camera: cameraToJson(wholeCamera(camera, crop, picture.width, picture.height)),
    light: { sh9: Array.from({ length: 9 }, (_, k) => Array.from(light.subarray(3 * k, 3 * k + 3))) },
    appearance: lit ? "photo" : "albedo",
    mesh: {
      path: null, vertices: shape.vertices.length / 3, faces: shape.faces.length / 3,
      frame: "right-handed, +Y up, front +Z", unit: "object radius about 1",
    },
    timings_ms: clock.laps,
    model: { name: assets.card.name, version: assets.card.version, licence: assets.card.licence },
  };
  return { glb, record };
}

/** {rotation, translation, vertices} that rendering has corrected. */
function corrected(loop, mask, guess, coefficients) {
  const pose = correct(loop, mask, guess, coefficients);
  return { rotation: pose.slice(0, 9), translation: pose.slice(9, 12), vertices: poseVertices(loop, pose) };
}

/** {rotation, translation, vertices} as the network guesses them, placed by the mask. */
function guessed(assets, category, mask, guess, coefficients) {
  const { rotation } = guess;
  const vertices = shapeVertices(assets.spaces, category, coefficients);
  const flags = mask.map((value) => (value > 0.5 ? 1 : 0));
  const extent = maskExtent(flags, MASK_SIZE, MASK_SIZE);
  const shape = { vertices: Float32Array.from(vertices), faces: assets.template.faces };
  const start = place(rotate(vertices, rotation), extent, focalLength(MASK_SIZE), MASK_SIZE);
  return { rotation, translation: align(shape, flags, rotation, start, MASK_SIZE), vertices };
}

function check(picture, alpha) {
  const { data, width, height } = picture;
  if (Math.min(width, height) < 8) {
    throw new PhotoError(`The picture is only ${width} x ${height} pixels. Use one of at least 8 pixels a side.`);
  }
  if (alpha?.every((value) => value === 0)) throw new PhotoError("Every pixel of the picture is transparent.");
  if (!alpha && data.every((value, i) => value === data[i % 3])) {
    throw new PhotoError("The picture is one colour all over. Use one with an object in it.");
  }
}

/** The mask that a picture's transparency gives. */
function maskOf(alpha) {
  const mask = alpha.map((value) => (value > 127 ? 1 : 0));
  if (!mask.includes(1)) throw new PhotoError("The picture is transparent nearly everywhere.");
  return mask;
}

async function chooseCrop(assets, picture, mask, options) {
  const { width, height } = picture;
  if (mask) return cropRound(mask, width, height, 0, 0, 1);
  const size = assets.card.image_size;
  const box = options.point ? await boxAt(assets.network, picture, size, options.point.x, options.point.y) : options.box;
  if (box) {
    const inside = box.x < width && box.y < height && box.x + box.width > 0 && box.y + box.height > 0;
    if (!(inside && box.width >= 4 && box.height >= 4)) {
      throw new PhotoError("The box must overlap the photo and be at least 4 pixels wide.");
    }
    return squareRound(box.x, box.y, box.width, box.height);
  }
  const side = Math.max(width, height);
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  const first = await assets.network.mask(cropSquare(picture, left, top, side, size));
  const found = mainObject(first.mask, first.maskSize, first.maskSize);
  const flags = found.map((value) => (value > 0.5 ? 1 : 0));
  return cropRound(flags, first.maskSize, first.maskSize, left, top, side / first.maskSize);
}

/** The crop's mask, coarse [64 x 64] for placement and fine [256 x 256] for the texture. */
function masks(guess, mask, picture, crop, close) {
  if (mask) {
    const whole = { data: Float32Array.from(mask), width: picture.width, height: picture.height, channels: 1 };
    const fine = cropSquare(whole, crop.x, crop.y, crop.side, BAKE_SIZE, 0);
    return { fine: fine.data, coarse: blockMeans(fine.data, BAKE_SIZE, MASK_SIZE) };
  }
  const found = mainObject(guess.mask, guess.maskSize, guess.maskSize);
  if (found.filter((value) => value > 0.5).length < 8) throw new PhotoError(NO_OBJECT);
  const small = { data: found, width: guess.maskSize, height: guess.maskSize, channels: 1 };
  const fine = guidedMask(close, resize(small, BAKE_SIZE, BAKE_SIZE).data);
  return { fine, coarse: blockMeans(fine, BAKE_SIZE, MASK_SIZE) };
}

function blockMeans(values, size, cells) {
  const block = size / cells;
  const result = new Float32Array(cells * cells);
  values.forEach((value, at) => {
    const row = Math.trunc(Math.trunc(at / size) / block);
    result[row * cells + Math.trunc((at % size) / block)] += value / (block * block);
  });
  return result;
}

function depthOf(camera, shape) {
  const clip = toClip(camera, shape.vertices);
  const index = visibleFaces(clip, shape.faces, DEPTH_SIZE, DEPTH_SIZE);
  return surfacePoints(clip, shape.faces, index, DEPTH_SIZE, DEPTH_SIZE).depth;
}

/** The predicted colours as linear albedo [256 x 256 x 3]. */
function enlargeTexture(guess) {
  const plane = guess.textureSize ** 2;
  const data = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) data[3 * i + c] = toLinear(guess.texture[c * plane + i]);
  const small = { data, width: guess.textureSize, height: guess.textureSize, channels: 3 };
  return resize(small, TEXTURE_SIZE, TEXTURE_SIZE).data;
}

/** The GLB file: one vertex for each place in the atlas, v from the top. */
async function meshFile(template, shape, texture, lit) {
  const { uvs, uvFaces, uvVertices } = template;
  const normals = vertexNormals(shape.vertices, shape.faces);
  const spread = (values) => {
    const result = new Float32Array(3 * uvVertices.length);
    uvVertices.forEach((vertex, i) => result.set(values.subarray(3 * vertex, 3 * vertex + 3), 3 * i));
    return result;
  };
  const image = { bytes: await encodePng(texture, TEXTURE_SIZE, TEXTURE_SIZE), mimeType: "image/png" };
  const mesh = {
    positions: spread(shape.vertices), normals: spread(normals),
    uvs: uvs.map((value, i) => (i % 2 ? 1 - value : value)), indices: uvFaces, image,
  };
  return writeGlb(mesh, { unlit: lit, name: lit ? "photo" : "albedo" });
}

function stopwatch() {
  const laps = {};
  let last = performance.now();
  const lap = (name) => {
    const now = performance.now();
    laps[name] = now - last;
    last = now;
  };
  return { laps, lap };
}
