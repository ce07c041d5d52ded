// Two builds of one tree: the page with its workers, and (`--mode client`) the reload client, which is one
// script under a fixed name because pages that are not ours load it.
import { defineConfig } from "vite";

export default defineConfig(({ mode }) => ({
  base: "/_wasmrun/",
  publicDir: false,
  build: {
    outDir: "../ui_dist",
    emptyOutDir: mode !== "client",
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // Small files must not become data: addresses, which the page's policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 600,
    ...(mode === "client"
      ? {
          lib: { entry: "src/client.ts", formats: ["iife"], name: "wasmrunClient", fileName: () => "client.js" },
        }
      : {}),
  },
  worker: { format: "es" },
}));
