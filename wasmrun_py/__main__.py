"""The command ``wasmrun``, and ``python -m wasmrun_py``.

``--version`` is answered here, before the argument parser is imported: start-up is a feature, and shell
prompts and CI scripts ask for the version a lot. So is the question whether a workspace is built already.
"""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    argv = sys.argv[1:]
    if argv and argv[0] in {"-V", "--version"}:
        from wasmrun_py import __version__  # noqa: PLC0415 - see the module docstring

        sys.stdout.write(f"wasmrun {__version__}\n")
        return
    from wasmrun_py.build.workspace.unchanged import find_unchanged, say  # noqa: PLC0415 - as above

    said = find_unchanged(argv)
    import os  # noqa: PLC0415 - loaded by Python itself

    if said is not None:
        say(said)
        # As below: nothing waits for the interpreter to be taken apart.
        os._exit(0)
    import contextlib  # noqa: PLC0415 - see the module docstring
    import gc  # noqa: PLC0415 - see the module docstring

    # Imports make many objects and no garbage: collecting while they run costs a tenth of the start-up.
    gc.disable()
    from wasmrun_py.cli.main import run  # noqa: PLC0415 - see the module docstring

    code = run(argv)
    # Taking the interpreter apart costs more than most commands do, and nothing of ours waits for it.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
