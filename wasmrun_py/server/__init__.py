"""The development server behind ``wasmrun run`` (DESIGN §8).

Three rooms that meet in ``dev_state`` and ``broadcast`` and nowhere else: ``session`` watches, builds and
says what there is to serve; ``http`` serves it and guards the door; ``control`` keeps the state files that
``wasmrun stop`` and ``wasmrun status`` read. ``ui`` is the page, in TypeScript. What must not enter: terminal
output, and a decision of what to build (``build``).
"""
