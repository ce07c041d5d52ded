// The page of a .js + .wasm pair that has none: load it, show what it writes, tell the page around.
