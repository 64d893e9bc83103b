// Builds one ES module for each vendored library, with its licence and the SHA-256 of every file.
// Usage: node build.mjs [FOLDER]; by default the folder of the package.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "../../../src/convscope/studio/static/vendor");
const libraries = { lit: "lit", uplot: "uplot", three: "three" };

mkdirSync(out, { recursive: true });
for (const [name, module] of Object.entries(libraries)) {
  const folder = join(here, "node_modules", module);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  await build({
    absWorkingDir: here,
    entryPoints: [`${name}.js`],
    outfile: join(out, `${name}.js`),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    banner: { js: `/* ${module} ${version}, ${license}; see ${name}.LICENSE.txt */` },
  });
  writeFileSync(join(out, `${name}.LICENSE.txt`), readFileSync(join(folder, "LICENSE")));
}
writeFileSync(join(out, "uplot.css"), readFileSync(join(here, "node_modules/uplot/dist/uPlot.min.css")));

const sums = readdirSync(out)
  .filter((name) => name !== "SHA256SUMS")
  .sort()
  .map(
    (name) =>
      `${createHash("sha256")
        .update(readFileSync(join(out, name)))
        .digest("hex")}  ${name}\n`,
  );
writeFileSync(join(out, "SHA256SUMS"), sums.join(""));
