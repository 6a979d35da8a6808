// Masks, outlines and node circles on a canvas, in pixels of the image at its full size.
import { area, covers, outlines, parseRuns } from "./rle.js";

/** A closed path of outlines, scaled. */
export function pathOf(loops, scale = 1) {
  const path = new Path2D();
  for (const loop of loops) {
    path.moveTo(loop[0] * scale, loop[1] * scale);
    for (let at = 2; at < loop.length; at += 2) path.lineTo(loop[at] * scale, loop[at + 1] * scale);
    path.closePath();
  }
  return path;
}

/** The masks of one row; runs and paths are made when first asked for and then kept. */
export class Shapes {
  constructor(row) {
    this.row = row;
    this.kept = new Map();
  }

  has(organ) {
    return Boolean(this.row.masks[organ]);
  }

  of(organ) {
    if (!this.has(organ)) return null;
    let shape = this.kept.get(organ);
    if (!shape) {
      const runs = parseRuns(this.row.masks[organ]);
      shape = { runs, area: area(runs), path: pathOf(outlines(runs, this.row.height, this.row.width)) };
      this.kept.set(organ, shape);
    }
    return shape;
  }

  /** Names of the given organs whose mask holds the pixel at (x, y). */
  under(x, y, organs) {
    const { height, width } = this.row;
    if (x < 0 || y < 0 || x >= width || y >= height) return [];
    const pixel = Math.floor(y) * width + Math.floor(x);
    return organs.filter((organ) => this.has(organ) && covers(this.of(organ).runs, pixel));
  }
}

/** Paint paths that are given as [path, colour]; `unit` is one screen pixel in the path's pixels. */
export function paint(context, paths, { fill, opacity }, unit) {
  const strength = opacity / 100;
  context.lineJoin = "round";
  const strokes =
    paths.length <= 24
      ? [
          ["#000", 3.4, 0.45],
          [null, 1.7, 1],
        ]
      : [[null, 1.4, 1]];
  if (fill) {
    context.globalAlpha = strength;
    for (const [path, colour] of paths) {
      context.fillStyle = colour;
      context.fill(path, "evenodd");
    }
  }
  for (const [own, width, share] of strokes) {
    context.globalAlpha = Math.min(1, 2 * strength) * share * (fill && own ? 0.5 : 1);
    context.lineWidth = width * unit;
    for (const [path, colour] of paths) {
      context.strokeStyle = own || colour;
      context.stroke(path);
    }
  }
  context.globalAlpha = 1;
}

/** How many times larger than true two standard deviations are drawn, so that a person sees them: 1, 2, 5, 10, ... */
export function magnification({ spread }, pixel) {
  if (!spread?.length) return 1;
  const sizes = spread.map(([across, down]) => Math.max(across, down)).sort((one, other) => one - other);
  const typical = 2 * sizes[sizes.length >> 1];
  return [1, 2, 5, 10, 20, 50].find((times) => typical * times >= 5 * pixel) || 50;
}

/** Paint each contour point as an ellipse of two standard deviations around it, so many times magnified. */
export function paintNodes(context, row, shown, colours, unit, times) {
  const { landmarks, spread, node_organs: organs } = row;
  if (!landmarks) return;
  context.lineWidth = unit;
  landmarks.forEach(([x, y], node) => {
    const organ = organs?.[node];
    if (organ && !shown.includes(organ)) return;
    const [across, down] = spread?.[node] || [0, 0];
    const least = 1.5 * unit;
    context.beginPath();
    context.ellipse(x, y, Math.max(least, 2 * times * across), Math.max(least, 2 * times * down), 0, 0, 2 * Math.PI);
    context.fillStyle = context.strokeStyle = colours.get(organ) || "#fff";
    context.globalAlpha = 0.25;
    context.fill();
    context.globalAlpha = 0.95;
    context.stroke();
  });
  context.globalAlpha = 1;
}

/** Give a canvas the pixels of its box on the screen; returns false while it has none. */
export function fit(canvas) {
  if (!canvas) return false;
  const ratio = devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return false;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return true;
}
