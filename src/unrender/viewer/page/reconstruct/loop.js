// The loop: rendering corrects the network's guess of camera and shape against the mask; the same as
// `unrender.reconstruct.loop`. Settings and measured variances are in `model/loop.json` and `model/loop.safetensors`.

import { focalLength } from "./camera.js";
import { outline, signedDistance } from "./distance.js";
import { place, rotate } from "./placement.js";
import { maskExtent } from "./region.js";
import { deform, see, viewRoom } from "./silhouette.js";
import { advance, stepRoom } from "./step.js";

/**
 * A category's loop: {geometry, prior}. `assets` from `loadAssets`; `given` says whether the mask was given. The basis
 * [V x 3 x N] has the shape space's vectors first, then the smooth fields that are not among them.
 */
export function makeLoop(assets, category, given) {
  const { settings, tables } = assets.loop;
  const mean = assets.spaces.get(`${category}.mean`).values;
  const space = assets.spaces.get(`${category}.basis`).values;
  const fields = settings.fields[category] ? tables.get("fields").values : new Float32Array(0);
  const known = space.length / mean.length;
  const unknowns = known + fields.length / mean.length;
  const basis = new Float32Array(mean.length * unknowns);
  for (let k = 0; k < unknowns; k++) {
    const [vectors, first] = k < known ? [space, k * mean.length] : [fields, (k - known) * mean.length];
    for (let i = 0; i < mean.length; i++) basis[i * unknowns + k] = vectors[first + i];
  }
  const table = (name) => tables.get(`${category}.${name}`).values;
  return {
    settings,
    known,
    geometry: {
      mean, basis, unknowns, faces: assets.template.faces, edges: tables.get("edges").values,
      focal: focalLength(settings.size),
    },
    precision: Float64Array.from(table("precision"), (value) => value * (given ? settings.precision_given[category] : 1)),
    usualPrecision: settings.usual_precision[category],
    variation: table("variation"),
    optional: assets.spaces.get(`${category}.optional`)?.values,
    ratioMean: table("ratio_mean"),
    ratioScale: table("ratio_scale"),
    ratioPrecision: settings.ratio_precision[category][given ? 1 : 0],
  };
}

/** Vertices [V x 3] of a pose, Float64Array, object frame. */
export function poseVertices({ geometry }, pose) {
  const vertices = new Float64Array(geometry.mean.length);
  deform(geometry, Float32Array.from(pose.subarray(12)), vertices);
  return vertices;
}

/**
 * Race the hypotheses; the best corrected pose [12 + N]. `probability` is the mask [size x size] in [0, 1], `guess` what
 * the network says, `coefficients` its guess of the category's shape.
 */
export function correct(loop, probability, guess, coefficients) {
  const { settings, geometry } = loop;
  const { size } = settings;
  const mask = Uint8Array.from(probability, (value) => (value > 0.5 ? 1 : 0));
  const target = { mask, distance: signedDistance(mask, size), ...outline(probability, size, settings.outline_points) };
  const extent = maskExtent(mask, size, size);
  const work = {
    view: viewRoom(geometry, size),
    room: stepRoom(geometry, target.points.length / 2, geometry.unknowns),
  };
  const { rotations, logProbabilities } = guess;
  const order = Array.from(logProbabilities.keys()).sort((a, b) => logProbabilities[b] - logProbabilities[a]);
  let racers = order.slice(0, settings.race[0][0]).map((number) => ({
    best: placed(loop, extent, rotations[number], coefficients),
    iou: 0,
    prior: priorOf(loop, rotations[number], coefficients),
    bonus: settings.likelihood * (logProbabilities[number] - logProbabilities[order[0]]),
  }));
  const rank = (racer) => racer.iou + racer.bonus;
  let done = 0;
  for (const [keep, steps] of settings.race) {
    racers = racers.sort((a, b) => rank(b) - rank(a)).slice(0, keep);
    for (const racer of racers) run(loop, target, settings.scales.slice(done, done + steps), racer, work);
    done += steps;
  }
  return racers.reduce((best, racer) => (rank(racer) > rank(best) ? racer : best)).best;
}

/** From a racer's best pose so far a step for each of `scales`. */
function run({ geometry }, target, scales, racer, { view, room }) {
  const pose = racer.best.slice();
  for (let step = 0; step <= scales.length; step++) {
    const { iou, found } = see(geometry, target.mask, pose, view);
    if (iou > racer.iou) {
      racer.iou = iou;
      racer.best = pose.slice();
    }
    if (step === scales.length || found === 0) return;
    if (!advance(geometry, target, racer.prior, scales[step], pose, view, found, room)) return;
  }
}

/** The pose of the network's guess with the translation that fits the mask's extent. */
function placed(loop, extent, rotation, coefficients) {
  const pose = new Float64Array(12 + loop.geometry.unknowns);
  pose.set(rotation);
  pose.set(coefficients.slice(0, loop.known), 12);
  const { size } = loop.settings;
  pose.set(place(rotate(poseVertices(loop, pose), rotation), extent, loop.geometry.focal, size), 9);
  return pose;
}

/** What is usual round a hypothesis; an optional part that is not out is held where it is. */
export function priorOf(loop, rotation, coefficients) {
  const { settings, known, optional, variation } = loop;
  const { unknowns } = loop.geometry;
  const precision = loop.precision.slice();
  const centre = new Float64Array(unknowns);
  const excess = new Float64Array(unknowns);
  const partOut = Boolean(optional?.some((flag, k) => flag && coefficients[k]));
  for (let k = 0; k < known; k++) {
    if (optional?.[k] && !partOut) precision[k * (unknowns + 1)] += settings.part_precision;
    centre[k] = coefficients[k];
    excess[k] = variation[k] ? loop.usualPrecision : 0;
  }
  return {
    rotation, precision, centre, excess, nearCamera: settings.near_camera, usual: settings.usual,
    ratioMean: loop.ratioMean, ratioScale: loop.ratioScale, ratioPrecision: partOut ? 0 : loop.ratioPrecision,
  };
}
