// The module's size over the rebuilds: a line for what was built, a mark below for what was not.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Build } from "../api";
import { formatBytes } from "../parts/format";

const HEIGHT = 230;
const MARGIN = { left: 64, right: 14, top: 14, bottom: 26 } as const;

export function SizeChart({ builds }: { readonly builds: readonly Build[] }): JSX.Element {
  const holder = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const finished = builds.filter((build) => build.status !== "building");
  return (
    <div class="size-chart" ref={holder}>
      {width > 0 && <Drawing builds={finished} width={width} />}
    </div>
  );
}

function Drawing({ builds, width }: { readonly builds: readonly Build[]; readonly width: number }): JSX.Element {
  const sizes = builds.flatMap((build) => (build.module_bytes === null ? [] : [build.module_bytes]));
  const [low, high] = findRange(sizes);
  const inner = width - MARGIN.left - MARGIN.right;
  const floor = HEIGHT - MARGIN.bottom;
  const x = (place: number): number =>
    MARGIN.left + (builds.length > 1 ? (place * inner) / (builds.length - 1) : inner / 2);
  const y = (bytes: number): number => floor - ((bytes - low) / (high - low)) * (floor - MARGIN.top);
  const points = builds.flatMap((build, place) =>
    build.module_bytes === null ? [] : [{ build, x: x(place), y: y(build.module_bytes) }],
  );
  const line = points.map((point) => `${point.x.toFixed(1)},${point.y.toFixed(1)}`).join(" ");
  const first = points[0];
  const last = points.at(-1);
  return (
    <svg width={width} height={HEIGHT} role="img" aria-label={describe(points.map((point) => point.build))}>
      {[low, (low + high) / 2, high].map((bytes) => (
        <g key={bytes} class="grid">
          <line x1={MARGIN.left} x2={width - MARGIN.right} y1={y(bytes)} y2={y(bytes)} />
          <text x={MARGIN.left - 8} y={y(bytes) + 4} text-anchor="end">
            {formatBytes(Math.round(bytes))}
          </text>
        </g>
      ))}
      {first && last && points.length > 1 && (
        <polygon class="area" points={`${first.x},${floor} ${line} ${last.x},${floor}`} />
      )}
      {points.length > 1 && <polyline class="line" points={line} />}
      {builds.map((build, place) =>
        build.status === "failed" ? (
          <path key={build.number} class="failed" d={`M${x(place) - 3.5} ${floor + 7}l7 7m0-7l-7 7`}>
            <title>{`Build ${build.number} failed`}</title>
          </path>
        ) : null,
      )}
      {points.map(({ build, x: left, y: top }) => (
        <circle key={build.number} class={build === last?.build ? "point last" : "point"} cx={left} cy={top} r={build === last?.build ? 4.5 : 3}>
          <title>{`Build ${build.number}: ${formatBytes(build.module_bytes ?? 0)}`}</title>
        </circle>
      ))}
    </svg>
  );
}

/** Room above and below, so that a change of a few bytes is seen and is no cliff. */
function findRange(sizes: readonly number[]): [number, number] {
  if (!sizes.length) return [0, 1024];
  const low = Math.min(...sizes);
  const high = Math.max(...sizes);
  const room = Math.max((high - low) * 0.25, high * 0.02, 16);
  return [Math.max(0, low - room), high + room];
}

function describe(builds: readonly Build[]): string {
  const last = builds.at(-1);
  if (!last) return "No size is known yet";
  const sizes = builds.map((build) => build.module_bytes ?? 0);
  const range = `between ${formatBytes(Math.min(...sizes))} and ${formatBytes(Math.max(...sizes))}`;
  return `The module's size over ${builds.length} builds: ${range}, now ${formatBytes(last.module_bytes ?? 0)}`;
}
