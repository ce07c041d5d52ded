// A squarified treemap (Bruls, Huizing, van Wijk 2000): areas in proportion, shapes near to squares.

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One rectangle a size, in the order of `sizes`, which must be positive and fall. */
export function squarify(sizes: readonly number[], area: Rectangle): Rectangle[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const scale = total > 0 ? (area.width * area.height) / total : 0;
  const placed: Rectangle[] = [];
  let left = area;
  for (let next = 0; next < sizes.length; ) {
    const side = Math.min(left.width, left.height);
    const row: number[] = [];
    while (next < sizes.length) {
      const size = (sizes[next] ?? 0) * scale;
      if (row.length && worst([...row, size], side) > worst(row, side)) break;
      row.push(size);
      next += 1;
    }
    left = layRow(row, left, placed);
  }
  return placed;
}

function worst(row: readonly number[], side: number): number {
  const sum = row.reduce((total, size) => total + size, 0);
  const largest = Math.max(...row);
  const smallest = Math.min(...row);
  return Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
}

function layRow(row: readonly number[], left: Rectangle, placed: Rectangle[]): Rectangle {
  const sum = row.reduce((total, size) => total + size, 0);
  const upright = left.width >= left.height;
  const thickness = upright ? sum / (left.height || 1) : sum / (left.width || 1);
  let along = upright ? left.y : left.x;
  for (const size of row) {
    const length = thickness > 0 ? size / thickness : 0;
    placed.push(
      upright
        ? { x: left.x, y: along, width: thickness, height: length }
        : { x: along, y: left.y, width: length, height: thickness },
    );
    along += length;
  }
  return upright
    ? { x: left.x + thickness, y: left.y, width: Math.max(0, left.width - thickness), height: left.height }
    : { x: left.x, y: left.y + thickness, width: left.width, height: Math.max(0, left.height - thickness) };
}
