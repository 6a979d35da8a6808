// Masks as run lengths: "start length start length ...", pixels counted from 1, row by row.

/** Numbers of the text as [start, length, start, length, ...] with starts counted from 0, in order. */
export function parseRuns(text) {
  const found = new Int32Array((text.length + 2) >> 1);
  let count = 0;
  let value = -1;
  for (let at = 0; at <= text.length; at += 1) {
    const digit = at < text.length ? text.charCodeAt(at) - 48 : -1;
    if (digit >= 0 && digit <= 9) value = (value < 0 ? 0 : value * 10) + digit;
    else if (value >= 0) {
      found[count] = count % 2 ? value : value - 1;
      count += 1;
      value = -1;
    }
  }
  return found.subarray(0, count - (count % 2));
}

/** Pixels of the mask. */
export function area(runs) {
  let sum = 0;
  for (let at = 1; at < runs.length; at += 2) sum += runs[at];
  return sum;
}

/** Whether the pixel with this index (row * width + column) is in the mask. */
export function covers(runs, pixel) {
  let low = 0;
  let high = runs.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const start = runs[2 * middle];
    if (pixel < start) high = middle - 1;
    else if (pixel >= start + runs[2 * middle + 1]) low = middle + 1;
    else return true;
  }
  return false;
}

/** Where the mask begins and ends in each row: columns `xs`, their rows `ys`, and `first[row]`. */
function edges(runs, height, width) {
  const pixels = height * width;
  let size = 0;
  for (let at = 0; at < runs.length; at += 2) size += 2 * (2 + Math.ceil(runs[at + 1] / width));
  const xs = new Int32Array(size);
  const ys = new Int32Array(size);
  const first = new Int32Array(height + 1);
  let count = 0;
  for (let at = 0; at < runs.length; at += 2) {
    let start = Math.max(0, runs[at]);
    const end = Math.min(pixels, runs[at] + runs[at + 1]);
    while (start < end) {
      const row = Math.floor(start / width);
      const stop = Math.min(end, (row + 1) * width);
      xs[count] = start - row * width;
      ys[count] = row;
      count += 1;
      xs[count] = stop - row * width;
      ys[count] = row;
      count += 1;
      first[row + 1] = count;
      start = stop;
    }
  }
  for (let row = 1; row <= height; row += 1) first[row] = Math.max(first[row], first[row - 1]);
  return { xs, ys, first, count };
}

/** Join ends of upright edges along each line between two rows: end 2i is the top of edge i, 2i + 1 its bottom. */
function joints({ xs, first, count }, height) {
  const joined = new Int32Array(2 * count);
  for (let line = 0; line <= height; line += 1) {
    let above = line ? first[line - 1] : 0;
    const aboveEnd = line ? first[line] : 0;
    let below = line < height ? first[line] : 0;
    const belowEnd = line < height ? first[line + 1] : 0;
    let open = -1;
    while (above < aboveEnd || below < belowEnd) {
      const upper = below >= belowEnd || (above < aboveEnd && xs[above] <= xs[below]);
      const end = upper ? 2 * above + 1 : 2 * below;
      if (upper) above += 1;
      else below += 1;
      if (open < 0) open = end;
      else {
        joined[open] = end;
        joined[end] = open;
        open = -1;
      }
    }
  }
  return joined;
}

/**
 * Closed outlines of a mask along its pixels' edges, each as [x, y, x, y, ...] of its corners.
 * Filled by the even-odd rule they give back exactly the mask, holes included, at any zoom.
 */
export function outlines(runs, height, width) {
  const found = edges(runs, height, width);
  const { xs, ys, count } = found;
  const joined = joints(found, height);
  const seen = new Uint8Array(count);
  const loops = [];
  for (let start = 0; start < count; start += 1) {
    if (seen[start]) continue;
    const loop = [];
    let end = 2 * start;
    do {
      const edge = end >> 1;
      seen[edge] = 1;
      const other = end ^ 1;
      const next = joined[other];
      const x = xs[edge];
      const nextX = xs[next >> 1];
      if (x !== nextX) {
        const y = ys[edge] + (other & 1);
        loop.push(x, y, nextX, y);
      }
      end = next;
    } while (end !== 2 * start);
    if (loop.length) loops.push(loop);
  }
  return loops;
}
