"""The program of the FFI transport's helper: ``PYTHON -I -B -S ffi_host.py``.

Isolated, that Python knows no folder of ours; this file says where the package lies, behind the standard
library, and leaves the rest to ``helper``.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Serve one library on this process's stdin and stdout."""
    here = os.path.abspath(__file__)  # noqa: PTH100 - pathlib takes longer to load than all this
    sys.path.append(os.path.normpath(os.path.join(here, "..", "..", "..", "..")))  # noqa: PTH118 - as above
    from wasmrun_py.plugin.ffi.helper import serve_library  # noqa: PLC0415 - it can be found only now

    serve_library()


if __name__ == "__main__":
    main()
