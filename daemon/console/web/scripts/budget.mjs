// Fails the build when the script without which the first route cannot be used exceeds its budget (250 kB, gzip).
import { readFileSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET = 250_000;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
// Only this check needs it; what stays in dist is served.
rmSync("dist/.vite", { recursive: true });
const seen = new Set();
const sizes = new Map();

function visit(key) {
  const entry = manifest[key];
  if (!entry || seen.has(key)) return;
  seen.add(key);
  if (entry.file.endsWith(".js")) sizes.set(entry.file, gzipSync(readFileSync(`dist/${entry.file}`)).length);
  for (const next of entry.imports ?? []) visit(next);
}

const total = () => [...sizes.values()].reduce((sum, size) => sum + size, 0);
const line = (bytes, what) => console.log(`${String(bytes).padStart(8)} B gzip  ${what}`);

visit("index.html");
visit("src/pages/overview/overview.tsx");
const first = total();
line(first, `first route, until it can be used (budget ${BUDGET})`);
// The chart is drawn after that, from a chunk of its own, and stays in the browser's cache.
visit("src/pages/overview/hour-chart.tsx");
line(total() - first, "the chart's chunk, loaded after");
if (first > BUDGET) process.exit(1);
